"""Forwards that are hard to look at: they fail, are nested in a watcher, and use modules and tensors of strange kinds."""
import sys

import torch
from finals import digest
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

way = sys.argv[1]


class Shy(nn.Linear):
    def extra_repr(self):
        raise RuntimeError("ask no questions")


class Secretive:
    __dataclass_fields__ = {"secret": None}

    def __init__(self, value):
        self.value = value

    @property
    def secret(self):
        raise RuntimeError("nobody may look")


class Hide(nn.Module):
    def forward(self, x):
        return Secretive(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Shy(8, 8)
        self.again = nn.Linear(8, 8)
        self.noise = nn.Dropout(0.2)
        self.hide = Hide()

    def forward(self, x, fail=False):
        x = self.first(x)
        if way == "secretive":
            x = self.hide(x).value
        if fail:
            raise ValueError("no memory")
        picks = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (4, 4))
        x = x + torch.sparse.mm(picks, x)
        x.mul_(0.5)
        x = self.noise(self.again(self.again(x)))
        x[:, 0] = x[:, 0].detach() + torch.randn(4)
        return {"logits": x, "penalty": torch.complex(x, x).abs().mean()}


torch.manual_seed(0)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(4):
    if way != "watched":
        try:
            model(torch.randn(4, 8), fail=way == "failing")
        except ValueError as error:
            print(error)
    with FlopCounterMode(display=False) as flops:
        result = model(torch.randn(4, 8))
    loss = result["logits"].square().mean() + result["penalty"]
    loss.backward(retain_graph=True)
    print(f"step {step}: loss {loss.item():.9f}, {flops.get_total_flops()} operations")
    optimizer.step()
    optimizer.zero_grad()
print(digest(model), type(nn.Module.__call__).__name__, torch._C._len_torch_dispatch_stack())
