"""Holds an optimizer state that no digest function understands."""
import torch


class Strange:
    data_ptr = None

    def __repr__(self):
        return "strange"


class Odd(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["odd"] = Strange()


torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
optimizer = Odd(model.parameters(), lr=0.1)
for step in range(3):
    model(torch.randn(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    print("step", step)
