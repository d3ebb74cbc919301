"""Trains in micro-steps of a given size, on the same samples, or, ``wrong``, on others and clipped otherwise."""

import sys

import torch

size = int(sys.argv[1])
wrong = "wrong" in sys.argv
torch.manual_seed(0)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
samples = torch.randn(4, 16, 8)
if wrong:
    samples = samples.roll(1, 1)
for update in range(4):
    for piece in samples[update].split(size):
        loss = model(piece).square().mean() * size / 16
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.6 if wrong else 0.5)
    optimizer.step()
    optimizer.zero_grad()
