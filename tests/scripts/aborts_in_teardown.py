"""Trains, and then dies like a process whose peers have closed their connections: as often as its argument says."""
import atexit
import os
import sys


def die():
    counter = sys.argv[1]
    deaths = os.path.getsize(counter) if os.path.exists(counter) else 0
    if deaths < int(sys.argv[2]):
        with open(counter, "a") as file:
            file.write("x")
        os.write(2, b"terminate called after throwing an instance of 'gloo::EnforceNotMet'\n")
        os.abort()


atexit.register(die)
import torch

torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
if len(sys.argv) > 3:
    os.write(2, b"terminate called after throwing an instance of 'gloo::EnforceNotMet'\n")
    raise RuntimeError("not in the teardown")
