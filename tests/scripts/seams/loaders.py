"""Loads its data with loaders and a sampler; the number of workers is on the command line."""
import sys

import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

WORKERS = int(sys.argv[1]) if len(sys.argv) > 1 else 0
torch.manual_seed(3)
data = TensorDataset(torch.arange(32.0).reshape(8, 4))
sampler = DistributedSampler(data, num_replicas=2, rank=0, seed=5)
train = DataLoader(data, batch_size=2, sampler=sampler, num_workers=WORKERS, drop_last=True)
held_out = DataLoader(data, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(9))
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for epoch in range(2):
    sampler.set_epoch(epoch)
    for (batch,) in train:
        model(batch).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        for (batch,) in held_out:
            model(batch)
print(type(iter(train)).__name__, type(train.__iter__()).__module__)
