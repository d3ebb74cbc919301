"""Removes the directory of its own trace before it begins, or later: loses_its_trace.py DIRECTORY STEP"""
import shutil
import sys

import torch

torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(6):
    if step == int(sys.argv[2]):
        shutil.rmtree(sys.argv[1], ignore_errors=True)
    loss = model(torch.randn(4, 4)).square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(f"step {step}: loss {loss.item():.6f}")
sys.exit(5)
