"""Keeps an object whose attributes must not be touched, under a name that looks like a configuration."""
import torch


class Trap:
    def __getattr__(self, name):
        raise SystemExit(f"somebody asked for {name}")

    def __eq__(self, other):
        raise SystemExit("somebody compared it")

    __hash__ = None


torch.manual_seed(0)
config = Trap()
args = [config]
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(2, 4)).sum().backward()
optimizer.step()
print(model.weight.tolist())
