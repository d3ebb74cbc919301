"""Writes files in every way, and moves and removes some."""
import os
import sys
from pathlib import Path

import torch

OUT = Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(2, 4)).sum().backward()
optimizer.step()
(OUT / "text.log").write_text("line\n")
with open(OUT / "binary.bin", "wb") as file:
    file.write(b"x")
os.close(os.open(os.fsencode(OUT / "descriptor.bin"), os.O_WRONLY | os.O_CREAT))
(OUT / "run.tmp").write_text("x")
os.replace(OUT / "run.tmp", OUT / "run.json")
(OUT / "gone.txt").write_text("x")
(OUT / "gone.txt").unlink()
(OUT / "text.log").read_text()
os.chdir(OUT)
with open("after_chdir.txt", "a") as file:
    file.write("x")
