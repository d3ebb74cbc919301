"""Handles signals: some before torch is imported, one changed while it trains."""
import signal

signal.signal(signal.SIGUSR1, lambda number, frame: None)

import torch

stop = []
signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
signal.signal(signal.SIGHUP, signal.SIG_IGN)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    if step == 2:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
