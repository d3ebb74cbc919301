"""Ranks that never meet, stop, or fail: each way of going wrong that a world of ranks has."""
import os
import signal
import sys
import time

import torch
import torch.distributed as dist

way = sys.argv[1]
rank = int(os.environ["RANK"])
if way == "early" and rank == 1:
    sys.exit(0)
dist.init_process_group("gloo")
world = dist.get_world_size()
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def step():
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def deepest():
    raise ValueError("rank 1 has had enough")


step()
step()
tensor = torch.ones(1024)
if way == "different":
    dist.all_reduce(tensor) if rank == 0 else dist.broadcast(tensor, src=0)
elif way == "sizes":
    dist.all_reduce(tensor if rank == 0 else tensor[:4])
elif way == "groups":
    pair = dist.new_group([0, 1])
    dist.barrier(group=pair if rank == 0 else None)
    dist.barrier(group=None if rank == 0 else pair)
elif way == "master-only":
    if rank == 0:
        dist.barrier()
    step()
elif way == "backward" and rank == 0:
    dist.barrier(group=dist.new_group([0, 1]))
elif way == "receives":
    dist.recv(tensor, src=1 - rank)
elif way == "gone" and rank == 1:
    sys.exit(0)
elif way == "raises" and rank == 1:
    deepest()
elif way == "status" and rank == 1:
    sys.exit(7)
elif way == "killed" and rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
elif way == "hangs" and rank == 1:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)
elif way == "slow" and rank == 1:
    time.sleep(2)
elif way == "turns":
    other = dist.new_group([0, 1])
    first, second = (None, other) if rank == 0 else (other, None)
    works = [dist.all_reduce(tensor, group=group, async_op=True) for group in (first, second)]
    time.sleep(1.5 * rank)
    for work in works:
        work.wait()
elif way == "parts":
    store = dist.distributed_c10d._get_default_store()
    dist.destroy_process_group()
    if rank == 0:
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        dist.new_group([0])
        dist.destroy_process_group()
    for name in ("second", "third"):
        time.sleep(1.5 * (name == "third" and rank == 0))
        dist.init_process_group("gloo", store=dist.PrefixStore(name, store), rank=rank, world_size=world)
        dist.all_reduce(tensor)
        dist.destroy_process_group()
    sys.exit(0)
step()
print("the end")
dist.destroy_process_group()
