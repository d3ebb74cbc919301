"""Imports safetensors before torch, binds its functions early, and saves with them."""
import sys
from pathlib import Path

from safetensors.torch import save, save_file

import torch

OUT = Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)
model = torch.nn.Linear(2, 1, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(2, 2)).sum().backward()
optimizer.step()
save_file(model.state_dict(), OUT / "model.safetensors")
save(model.state_dict())
