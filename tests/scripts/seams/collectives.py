"""Issues collectives under all the names by which they can be reached."""
import torch
import torch.distributed as dist
from torch.distributed import broadcast
from torch.distributed.distributed_c10d import all_reduce

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
broadcast(model.weight.data, src=0)
for step in range(2):
    model(torch.ones(2, 4)).sum().backward()
    for parameter in model.parameters():
        dist.all_reduce(parameter.grad)
    optimizer.step()
    optimizer.zero_grad()
    all_reduce(torch.ones(2, dtype=torch.float64), op=dist.ReduceOp.SUM)
    gathered = [None] * world
    dist.all_gather_object(gathered, {"rank": rank})
    dist.all_gather([torch.empty(3) for _ in range(world)], torch.ones(3))
    work = dist.isend(torch.ones(5), dst=1) if rank == 0 else dist.irecv(torch.empty(5), src=0)
    work.wait()
    dist.barrier()
dist.destroy_process_group()
