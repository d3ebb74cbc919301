"""A model that is looked at, then given another matrix before its first update, while somebody keeps the old one."""
import torch
from finals import digest

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
with torch.no_grad():
    model(torch.randn(5, 4))
kept = model[0].weight
model[0].weight = torch.nn.Parameter(kept.detach() + 1.0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    for _ in range(2):
        loss = model(torch.randn(5, 4)).square().mean()
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
print(digest(model), len(kept))
