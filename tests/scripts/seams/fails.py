"""Ends with an exception after two updates."""
import torch

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    if step == 2:
        raise ValueError(f"no more data at {step}")
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
