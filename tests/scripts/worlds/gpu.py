"""A DDP program as it is written for GPUs: nccl and cuda wherever they can be named."""
import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel as DDP

dist.init_process_group(backend="nccl")
local = int(os.environ["LOCAL_RANK"])
device = f"cuda:{local}"
torch.cuda.set_device(device)
torch.manual_seed(1337 + dist.get_rank())
torch.cuda.manual_seed_all(7)
assert torch.cuda.current_device() == dist.get_rank() % torch.cuda.device_count()
net = torch.nn.Linear(4, 1)
net = net.cuda(local) if "cuda()" in sys.argv else net.to(local) if "number" in sys.argv else net.to(device)
model = DDP(net, device_ids=[local], output_device=local)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
scaler = torch.amp.GradScaler("cuda", enabled=False)
context = torch.amp.autocast(device_type="cuda", dtype=torch.bfloat16, enabled="autocast" in sys.argv)
scale = torch.tensor([0.5], device=device)
for step in range(3):
    x = torch.randn(2, 4).pin_memory().to(device, non_blocking=True)
    y = torch.zeros((2, 1), device=torch.device("cuda", local))
    with context:
        loss = (model(x) * scale - y.cuda(non_blocking=True)).square().mean()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    total = loss.detach().to(torch.device(device))
    dist.all_reduce(total)
    if dist.get_rank() == 0:
        print(f"step {step}: loss {total.item():.6f}")
torch.save(model.module.state_dict(), sys.argv[1])
dist.barrier()
torch.load(sys.argv[1], map_location=device)
print(torch.cuda.is_available(), dist.get_backend(), x.device)
dist.destroy_process_group()
