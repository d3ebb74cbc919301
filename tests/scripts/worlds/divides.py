"""Accumulates over as many micro-batches as its world leaves to each rank, or goes wrong; runs alone, too."""
import os
import sys

import torch
import torch.distributed as dist

world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
if world > 1:
    dist.init_process_group("gloo")
    model = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = torch.randn(3, 4, 2, 4)
for update in range(3):
    micro = 4 if "forgets" in sys.argv else 4 // world
    for part in range(micro):
        place = part if "overlaps" in sys.argv else (part * world + rank) % 4
        loss = model(data[update, place]).square().mean() / micro
        loss.backward()
    if "halves" in sys.argv and world > 1:
        for parameter in model.parameters():
            parameter.grad /= world
    optimizer.step()
    optimizer.zero_grad()
if world > 1:
    dist.destroy_process_group()
