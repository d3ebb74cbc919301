"""Steps the scheduler that is named on the command line, twice after every second update."""
import sys

import torch
from torch.optim import lr_scheduler

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


class Own(lr_scheduler.LambdaLR):
    def __init__(self, optimizer):
        super().__init__(optimizer, lambda step: 1.0)

    def step(self, epoch=None):
        super().step()


MAKE = {
    "onecycle": lambda: lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=20),
    "sequential": lambda: lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.ConstantLR(optimizer, 1.0), lr_scheduler.ExponentialLR(optimizer, 0.5)],
        milestones=[2],
    ),
    "chained": lambda: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(optimizer, 1.0), lr_scheduler.ExponentialLR(optimizer, 0.5)]
    ),
    "plateau": lambda: lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0),
    "restarts": lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=4),
    "own": lambda: Own(optimizer),
}
scheduler = MAKE[sys.argv[1]]()
arguments = (1.0,) if sys.argv[1] == "plateau" else ()
for step in range(4):
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step(*arguments)
    if step == 1:
        scheduler.step(*arguments)
    if step == 2:
        extra = lr_scheduler.StepLR(optimizer, 100)
