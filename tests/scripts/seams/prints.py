"""Prints in every way."""
import contextlib
import io
import logging
import sys

import torch

logging.basicConfig(level=logging.INFO, format="%(message)s")
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(2):
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    print("step", step, "loss", 0.5 + step)
    logging.getLogger("run").info("norm %.3f", 1.25)
sys.stdout.writelines(["two\n", "lines {} 3\n"])
with contextlib.redirect_stdout(io.StringIO()):
    print("hidden 1")
sys.stderr.write("50%\r100%\n")
sys.stdout.write("no end 4")
