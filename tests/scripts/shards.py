"""Several ranks: DDP with a sync left out while accumulating, and FSDP2 over parts and the whole."""
import sys

import torch
import torch.distributed as dist

way = sys.argv[1]
dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
if way == "ddp":
    model = torch.nn.parallel.DistributedDataParallel(model)
else:
    from torch.distributed.fsdp import fully_shard

    mesh = dist.device_mesh.init_device_mesh("cpu", (dist.get_world_size(),))
    for layer in (model[0], model[2]):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
torch.manual_seed(rank + 1)
for step in range(3):
    for micro in range(2):
        if way == "ddp":
            model.require_backward_grad_sync = micro == 1
        else:
            model.set_requires_gradient_sync(micro == 1)
        loss = model(torch.randn(4, 8)).square().mean() / 2
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    dist.all_reduce(loss.detach())
    if rank == 0:
        print(f"step {step}: loss {loss.item().hex()}")
whole = [one.full_tensor() if way == "fsdp" else one for one in (each.detach() for each in model.parameters())]
total = sum(one.double().sum().item() for one in whole)
if rank == 0:
    print(total.hex())
del whole, loss, optimizer, model
dist.destroy_process_group()
