"""Lets go of everything it has trained with, says whether it is gone, and how much memory the training took."""
import gc
import sys
import weakref

import torch

WIDTH, ROWS = 128, 32768


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(WIDTH, WIDTH) for _ in range(8))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return x


def train(watched):
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    for step in range(3):
        x = torch.randn(ROWS, WIDTH)
        loss = criterion(model(x), torch.randint(WIDTH, (ROWS,)))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        optimizer.zero_grad()
        watched += [weakref.ref(x), weakref.ref(loss)] if step == 0 else []
        if step == 1:
            print("first batch and loss alive:", [one() is not None for one in watched])
    watched += [weakref.ref(model), weakref.ref(optimizer), weakref.ref(next(model.parameters()))]


def peak(events):
    """Highest sum of tensor bytes alive at once."""
    live = highest = 0
    for event in events:
        if event.name() == "[memory]":
            live += event.nbytes()
            highest = max(highest, live)
    return highest


watched = []
if len(sys.argv) > 1:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        train(watched)
    with open(sys.argv[1], "w") as file:
        file.write(str(peak(profile.profiler.kineto_results.events())))
else:
    train(watched)
gc.collect()
print("alive after the end:", sum(one() is not None for one in watched), "of", len(watched))
