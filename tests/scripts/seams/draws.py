"""Draws random numbers in the part of an update that is named on the command line."""
import random
import sys

import torch

WHERE = sys.argv[1]
torch.manual_seed(0)
inner = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5 if WHERE == "forward" else 0.0))
optimizer = torch.optim.SGD(inner.parameters(), lr=0.1)


class Noisy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        if WHERE == "evaluation" and not self.training:
            x = x + torch.randn(2, 4)
        return self.inner(x)


model = Noisy()
for step in range(3):
    model.train()
    if WHERE == "python":
        random.random()
    model(torch.randn(2, 4) if WHERE == "data" else torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        model(torch.ones(2, 4))
print(inner[0].weight.tolist())
