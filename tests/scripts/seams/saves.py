"""Saves its state in every kind of container."""
import argparse
import io
import pickle
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch

OUT = Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)


@dataclass
class Settings:
    width: int = 4


torch.manual_seed(0)
random.seed(0)
model = torch.nn.Linear(2, 1, bias=False)
with torch.no_grad():
    model.weight.copy_(torch.tensor([[1.0, 2.0]]))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(2):
    model(torch.ones(2, 2)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
torch.save(
    {
        "model": model,
        "settings": Settings(),
        "arguments": argparse.Namespace(lr=0.5),
        "random": random.getstate(),
        "numpy": numpy.arange(3),
        "step": 2,
        "path": OUT / "x",
        "empty": {},
        "storage": torch.ones(2).untyped_storage(),
    },
    OUT / "state.pt",
)
torch.save({"step": 2}, OUT / "whole.tmp")
(OUT / "whole.tmp").replace(OUT / "whole.pt")
with (OUT / "open.pt").open("wb") as file:
    torch.save(torch.ones(2), file)
torch.save(obj=[1], f=io.BytesIO())
pickle.dumps(torch.ones(2))
