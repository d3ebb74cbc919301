"""Saves a distributed checkpoint, at once and in the background."""
import sys
import warnings
from pathlib import Path

import torch

warnings.simplefilter("ignore")
import torch.distributed.checkpoint as dcp

OUT = Path(sys.argv[1])
model = torch.nn.Linear(2, 1, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(2, 2)).sum().backward()
optimizer.step()
state = {"model": model.state_dict(), "step": 1}
dcp.save(state, checkpoint_id=OUT / "now")
torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())
dcp.async_save(state, checkpoint_id=OUT / "later").result()
dcp.save(state, storage_writer=dcp.FileSystemWriter(OUT / "writer"))
torch.distributed.destroy_process_group()
