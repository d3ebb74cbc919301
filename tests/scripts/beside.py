"""What a recorder may see only in part: torch.func training, a forward in another thread, a model called by its forward."""
import sys
import threading

import torch
from finals import digest

way = sys.argv[1]
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = torch.randn(4, 8)


def func():
    names = {name: parameter.detach() for name, parameter in model.named_parameters()}

    def loss(parameters):
        return torch.func.functional_call(model, parameters, (data,)).square().mean()

    for step in range(3):
        gradients, value = torch.func.grad_and_value(loss)(names)
        names = {name: tensor - 0.1 * gradients[name] for name, tensor in names.items()}
        print(f"step {step}: loss {value.item():.6f}")


def thread():
    for step in range(3):
        loss = model(data).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        other = threading.Thread(target=lambda: model(torch.ones(1, 8)).sum())
        other.start()
        other.join()
        print(f"step {step}: loss {loss.item():.6f}")


def forward():
    for step in range(3):
        loss = model.forward(data).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(f"step {step}: loss {loss.item():.6f}")


{"func": func, "thread": thread, "forward": forward}[way]()
print(digest(model))
