"""Trains replicas, and holds the exchange of gradients back by no_sync or by the flag that it sets."""
import contextlib
import sys

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook

FLAG = sys.argv[1] == "flag"
dist.init_process_group("gloo")
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1), broadcast_buffers=False, bucket_cap_mb=1)
if FLAG:
    model.register_comm_hook(state=None, hook=fp16_compress_hook)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(2):
    for micro in range(3):
        last = micro == 2
        if FLAG:
            model.require_backward_grad_sync = last
        with contextlib.nullcontext() if last or FLAG else model.no_sync():
            model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
dist.destroy_process_group()
