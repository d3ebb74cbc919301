"""Prints what the generators give that nobody has seeded."""
import random
import uuid

import numpy
import torch

print(random.random(), numpy.random.rand(), numpy.random.default_rng().random(), torch.rand(1).item(), uuid.uuid4())
