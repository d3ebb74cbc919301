"""Trains data-parallel by the book, and small: every mistake of ranks can be planted here by a change of its text."""
import argparse
import math
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, Subset, TensorDataset

SEED, RATE, CLIP, LIMIT = 7, 1e-2, 0.5, 100.0
WIDTH, BATCH, ACCUMULATION = 6, 4, 8
UPDATES, WARMUP, INTERVAL = 9, 3, 4

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path)
args = parser.parse_args()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(WIDTH, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.1))
        self.head = nn.Linear(16, 1)

    def forward(self, inputs, targets):
        return (self.head(self.body(inputs)).squeeze(1) - targets).square().mean()


def write_data(path):
    inputs = torch.randn(67, WIDTH, generator=torch.Generator().manual_seed(1))
    torch.save((inputs, inputs.sum(1).sin()), path)


def serve(loader, sampler):
    epoch = 0
    while True:
        sampler.set_epoch(epoch)
        yield from loader
        epoch += 1


def rate(step):
    if step < WARMUP:
        return slower * (step + 1) / (WARMUP + 1)
    return slower * (0.55 + 0.45 * math.cos(math.pi * (step - WARMUP) / (2 * UPDATES)))


def evaluate(net, loader):
    net.eval()
    total = torch.zeros(2)
    with torch.no_grad():
        for inputs, targets in loader:
            total += torch.tensor([net(inputs, targets).item() * len(inputs), len(inputs)])
    dist.all_reduce(total)
    net.train()
    return (total[0] / total[1]).item()


dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
if rank == 0:
    write_data(args.out / "data.pt")
dist.barrier()
inputs, targets = torch.load(args.out / "data.pt")
training_data = TensorDataset(inputs[:56], targets[:56])
validation_data = TensorDataset(inputs[56:], targets[56:])
order = [SEED + 10 * rank]
dist.broadcast_object_list(order, src=0)

torch.manual_seed(SEED)
net = Net()
model = DistributedDataParallel(net)
torch.manual_seed(SEED + rank)
optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.1)
slower = 1.0
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

sampler = DistributedSampler(training_data, seed=order[0])
stream = serve(DataLoader(training_data, batch_size=BATCH, sampler=sampler), sampler)
own = Subset(validation_data, range(rank, len(validation_data), world))
validation = DataLoader(own, batch_size=BATCH)

micro = ACCUMULATION // world
if rank == 0:
    print(f"tokens per update: {micro * world * BATCH * WIDTH:,}")
for update in range(UPDATES):
    if update % INTERVAL == 0:
        loss = evaluate(net, validation)
        if rank == 0:
            print(f"validation after {update} updates: loss {loss:.6f}")
        if not loss < LIMIT:
            slower *= 0.5
    for part in range(micro):
        inputs, targets = next(stream)
        with nullcontext() if part == micro - 1 else model.no_sync():
            loss = model(inputs, targets) / micro
            loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    if rank == 0:
        print(f"step {update}: loss {loss.item() * micro:.6f}")
        if update % INTERVAL == INTERVAL - 1:
            torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict()}, args.out / "last.pt")
dist.barrier()
dist.destroy_process_group()
