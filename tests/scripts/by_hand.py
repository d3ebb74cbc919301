"""Updates that no torch optimizer makes: written by hand in several ways, or by a duck-typed optimizer."""
import sys

import torch
from finals import digest

way = sys.argv[1]
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))


class Duck:
    """An optimizer that derives from nothing and writes through ``.data``."""

    def __init__(self, parameters, rate):
        self.parameters = list(parameters)
        self.rate = rate

    def step(self):
        for parameter in self.parameters:
            parameter.data.add_(parameter.grad, alpha=-self.rate)

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None


duck = Duck(model.parameters(), 0.1)
for step in range(4):
    for micro in range(2 if way == "accumulated" else 1):
        loss = model(torch.randn(4, 8)).square().mean()
        if way == "grad":
            gradients = torch.autograd.grad(loss, model.parameters())
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients):
                    parameter -= 0.1 * gradient
        else:
            loss.backward()
    if way == "duck":
        duck.step()
        duck.zero_grad()
    elif way in ("versions", "accumulated", "clipped"):
        if way == "clipped":
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad.zero_()
    elif way == "replaced":
        for layer in (model[0], model[2]):
            for name, parameter in list(layer.named_parameters()):
                setattr(layer, name, torch.nn.Parameter(parameter.detach() - 0.1 * parameter.grad))
    if step == 1:
        with torch.no_grad():
            print("evaluation", model(torch.ones(1, 8)).item())
    print(f"step {step}: loss {loss.item():.6f}")
print(digest(model))
