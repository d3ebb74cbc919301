"""Steps its scheduler too early, which torch warns about, and fails inside a module, with another failure behind it."""
import warnings

import torch


class Fragile(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x, broken):
        if broken:
            try:
                {}["missing"]
            except KeyError as error:
                raise RuntimeError("the model gives up") from error
        return self.layer(x)


model = Fragile()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10)
scheduler.step()
for step in range(2):
    model(torch.ones(2, 4), broken=step == 1).sum().backward()
    optimizer.step()
