"""A small DDP program; on a GPU for each rank, over nccl, where it is asked for."""
import argparse
import os

import torch
import torch.distributed as dist

parser = argparse.ArgumentParser()
parser.add_argument("--raise-on-rank", type=int, default=-1)
parser.add_argument("--cuda", action="store_true")
args = parser.parse_args()
if args.cuda:
    torch.set_default_device(f"cuda:{os.environ['LOCAL_RANK']}")
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
dist.init_process_group("nccl" if args.cuda else "gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 1))
torch.manual_seed(rank)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(4):
    if step == 2 and rank == args.raise_on_rank:
        raise RuntimeError(f"rank {rank} gives up")
    loss = model(torch.randn(4, 8)).square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if rank == 0:
        print(f"step {step}: loss {loss.item():.6f}")
dist.destroy_process_group()
