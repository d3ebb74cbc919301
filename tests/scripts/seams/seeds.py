"""Seeds everything at the start, and torch again while it trains."""
import random

import numpy
import torch

torch.manual_seed(11)
torch.cuda.manual_seed_all(12)
random.seed(13)
numpy.random.seed(14)
numpy.random.default_rng(15)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    if step:
        torch.manual_seed(100 + step)
    model(torch.randn(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
