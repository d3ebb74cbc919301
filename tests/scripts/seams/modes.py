"""Switches a model that keeps one of its parts frozen."""
import torch


class Frozen(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
        self.head = torch.nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.body(x))


model = Frozen()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(2):
    model.train()
    model.body[1].eval()
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    model.eval()
