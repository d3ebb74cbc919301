"""A program whose books are worth keeping: a sampler over ranks, accumulation, objects and groups."""
import argparse

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
dist.init_process_group("gloo")
world = dist.get_world_size()
torch.manual_seed(args.seed)
data = TensorDataset(torch.arange(8192.0)[:, None])
sampler = DistributedSampler(data, seed=3)
loader = DataLoader(data, batch_size=2, sampler=sampler)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1), device_ids=None)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
seen = [None] * world
dist.all_gather_object(seen, len(sampler))
group = dist.new_group(list(range(2)))
dist.barrier(group=group)
for step in range(3):
    for micro in range(2):
        model.require_backward_grad_sync = micro == 1
        (batch,) = next(iter(loader))
        model(batch * 1e-4).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()
total = torch.tensor(len(sampler))
dist.all_reduce(total)
print(f"{world} ranks, {len(seen) and seen[-1]} samples here, {2 * world} micro-batches per update")
dist.destroy_process_group()
