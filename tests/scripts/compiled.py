"""torch.compile in the ways in which programs use it; what it captured is printed, so that nothing can be added unseen."""
import sys

import torch
from finals import digest
from torch._dynamo.utils import counters

way, backend = sys.argv[1], sys.argv[2]
torch.manual_seed(0)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(8, 8)
        self.drop = torch.nn.Dropout(0.1)

    def forward(self, x):
        return x + self.drop(torch.nn.functional.gelu(self.inner(x)))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Block() for _ in range(2)])
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
called = model
if way == "module":
    called = torch.compile(model, backend=backend)
elif way == "method":
    model.compile(backend=backend)
elif way == "inner":
    for index in range(2):
        model.blocks[index] = torch.compile(model.blocks[index], backend=backend)
elif way == "lambda":
    called = torch.compile(lambda x: model(x), backend=backend)


def plain_step():
    optimizer.step()


def whole_step(x, labels):
    loss = torch.nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


take_step = torch.compile(plain_step, backend=backend) if way == "step" else plain_step
train_step = torch.compile(whole_step, backend=backend) if way == "whole" else None
for step in range(3):
    x, labels = torch.randn(4, 8), torch.tensor([0, 1, 2, 0])
    if train_step:
        loss = train_step(x, labels)
    else:
        loss = torch.nn.functional.cross_entropy(called(x), labels)
        loss.backward()
        take_step()
        optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        called(x)
    model.train()
    print(f"step {step}: loss {loss.item().hex()}")
breaks = sum(counters["graph_break"].values())
print("graphs", counters["stats"]["unique_graphs"], "breaks", breaks, "recompiles", len(counters["recompiles"]))
print(digest(model))
