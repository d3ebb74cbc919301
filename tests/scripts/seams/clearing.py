"""Clears gradients through the optimizer, the model, both, or not at all."""
import torch

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(4):
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    if step in (0, 1):
        optimizer.zero_grad()
    if step in (1,):
        model.zero_grad()
