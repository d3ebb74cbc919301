"""Trains in every way that DDP offers, issues every collective, and writes what came of it on each rank, bit for bit.

In one start it forms one world after the other, of its first ranks: ``everything.py OUT gloo 2=plain,join 4=plain``.
With ``nccl``, every rank has a GPU of its own and everything lies there.
"""
import hashlib
import json
import os
import random
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

warnings.simplefilter("ignore")
out, backend = Path(sys.argv[1]), sys.argv[2]
worlds = {int(size): ways.split(",") for size, ways in (one.split("=") for one in sys.argv[3:])}
on_gpu = backend == "nccl"
kind = "cuda" if on_gpu else "cpu"
if on_gpu:
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.set_default_device(f"cuda:{os.environ['LOCAL_RANK']}")
store, rank, _ = next(dist.rendezvous("env://"))
world = 0


def bits(*things):
    digest = hashlib.sha256()
    for thing in things:
        digest.update(thing.detach().cpu().contiguous().numpy().tobytes() if torch.is_tensor(thing) else repr(thing).encode())
    return digest.hexdigest()[:16]


def randomness():
    states = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if on_gpu else [])]
    return bits(*states, np.random.get_state()[1].tolist(), random.getstate())


class Net(torch.nn.Module):
    def __init__(self, unused=False):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(6, 33), torch.nn.BatchNorm1d(33), torch.nn.Dropout(0.1), torch.nn.ReLU(), torch.nn.Linear(33, 1)
        )
        self.sometimes = torch.nn.Linear(6, 1) if unused else None

    def forward(self, x, *, sometimes=False):
        y = self.layers(x)
        return y + self.sometimes(x) if sometimes else y


def train(model, *, updates=10, micro=1, forward=None, batches=None):
    """Losses, gradients, parameters, buffers and random states after every update."""
    told = []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for update in range(updates if batches is None else batches):
        for part in range(micro):
            quiet = part < micro - 1
            with model.no_sync() if quiet else open(os.devnull):
                scale = 1 + np.random.rand() + random.random()
                loss = (model if forward is None else forward)(torch.randn(4, 6) * scale).square().mean() / micro
                loss.backward()
            told.append(bits(loss))
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        told.append(bits(*gradients))
        optimizer.step()
        optimizer.zero_grad()
        told.append(bits(*model.parameters(), *model.buffers()) + randomness())
    return told


def wrapped(unused=False, **options):
    torch.manual_seed(1)
    net = Net(unused)
    model = DistributedDataParallel(net, **options)
    torch.manual_seed(100 + rank)
    np.random.seed(200 + rank)
    random.seed(300 + rank)
    return model


def plain():
    return train(wrapped())


def accumulation():
    return train(wrapped(), micro=3)


def bucket_view():
    return train(wrapped(gradient_as_bucket_view=True, bucket_cap_mb=0.0005))


def unused():
    model = wrapped(unused=True, find_unused_parameters=True)
    turns = iter(range(10))
    return train(model, forward=lambda x: model(x, sometimes=next(turns) % 2 == rank % 2))


def static_graph():
    return train(wrapped(static_graph=True))


def local_buffers():
    return train(wrapped(broadcast_buffers=False))


def join():
    model = DistributedDataParallel(torch.nn.Linear(6, 1))
    torch.manual_seed(rank)
    with model.join():
        return train(model, batches=9 + rank % 2)


def compiled():
    torch._dynamo.reset()
    model = wrapped()
    return train(model, forward=torch.compile(model, backend="aot_eager"))


def inductor():
    torch._dynamo.reset()
    model = wrapped()
    return train(model, forward=torch.compile(model), micro=2)


def collectives():
    torch.manual_seed(rank)
    told = []
    for size in (1, 7, 1000):
        tensor = torch.randn(size)
        dist.broadcast(tensor, src=world - 1)
        told.append(bits(tensor))
        tensor = torch.randn(size)
        dist.all_reduce(tensor)
        told.append(bits(tensor))
        for op in (dist.ReduceOp.MAX, dist.ReduceOp.PRODUCT):
            dist.all_reduce(tensor, op=op)
            told.append(bits(tensor))
        dist.reduce(tensor, dst=world - 1)
        told.append(bits(tensor) if rank == world - 1 else "")
        parts = [torch.empty(size) for _ in range(world)]
        dist.all_gather(parts, torch.randn(size))
        told.append(bits(*parts))
        whole = torch.empty(world * size)
        dist.all_gather_into_tensor(whole, torch.randn(size))
        dist.reduce_scatter_tensor(tensor, whole)
        dist.reduce_scatter(tensor, parts)
        told.append(bits(whole, tensor))
        dist.gather(tensor, parts if rank == 0 else None, dst=0)
        dist.scatter(tensor, parts if rank == 0 else None, src=0)
        told.append(bits(tensor, *parts))
        dist.all_to_all(parts, [torch.randn(size) for _ in range(world)])
        dist.all_to_all_single(whole, torch.randn(world * size))
        told.append(bits(whole, *parts))
    objects = [None] * world
    dist.all_gather_object(objects, {"rank": rank})
    one = [f"from {rank}"]
    dist.broadcast_object_list(one, src=world - 1)
    gathered = [None] * world if rank == 0 else None
    dist.gather_object(rank, gathered, dst=0)
    given = [None]
    dist.scatter_object_list(given, list(range(world)) if rank == 0 else None, src=0)
    dist.barrier()
    if not on_gpu:
        dist.monitored_barrier()
    return [*told, repr((objects, one, gathered, given)), dist.get_backend()]


def handles():
    torch.manual_seed(rank)
    tensors = [torch.randn(50) for _ in range(3)]
    works = [dist.all_reduce(tensor, async_op=True) for tensor in tensors]
    future = works[0].get_future()
    for work in reversed(works):
        work.wait()
    if on_gpu:  # to wait there is to put the stream in order
        torch.cuda.synchronize()
    assert all(work.is_completed() for work in works)
    return [bits(*tensors, *future.value())]


def messages():
    torch.manual_seed(rank)
    mine, theirs = torch.randn(5), torch.zeros(5)
    if not on_gpu:  # nccl does one after the other, and would wait for ever
        works = [dist.isend(mine, (rank + 1) % world), dist.irecv(theirs, (rank - 1) % world)]
        for work in works:
            work.wait()
    told = [bits(theirs)]
    if rank == 0:
        dist.send(mine, 1, tag=3)
    elif rank == 1:
        told.append(str(dist.recv(theirs, tag=3)))
    exchange = [dist.P2POp(dist.isend, mine, (rank + 1) % world), dist.P2POp(dist.irecv, theirs, (rank - 1) % world)]
    for work in dist.batch_isend_irecv(exchange):
        work.wait()
    return [*told, bits(theirs)]


def subgroups():
    torch.manual_seed(rank)
    even = dist.new_group(list(range(0, world, 2)))
    pairs, _ = dist.new_subgroups_by_enumeration([[0, 1]])
    tensor = torch.randn(9)
    if rank % 2 == 0:
        dist.all_reduce(tensor, group=even)
        dist.broadcast(tensor, src=0, group=even)
    if rank < 2:
        dist.barrier(group=pairs)
    mesh = dist.device_mesh.init_device_mesh(kind, (world,))
    sharded = torch.distributed.tensor.distribute_tensor(torch.arange(12.0), mesh, [torch.distributed.tensor.Shard(0)])
    return [bits(tensor, sharded.to_local(), sharded.sum().full_tensor())]


def functional():
    import torch.distributed._functional_collectives as functions

    torch.manual_seed(rank)
    value = torch.randn(11)
    graph = torch.compile(lambda x: functions.all_reduce(x * 2, "sum", dist.group.WORLD) + 1, backend="aot_eager")
    return [bits(functions.all_reduce(value, "sum", dist.group.WORLD) + 1), bits(graph(value))]


def fully_sharded():
    from torch.distributed.fsdp import fully_shard

    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    mesh = dist.device_mesh.init_device_mesh(kind, (world,))
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh)
    torch.manual_seed(rank)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    told = []
    for _ in range(3):
        loss = model(torch.randn(4, 6)).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        told.append(bits(loss, *(each.to_local() for each in model.parameters())))
    return told


found = {}
for world, ways in worlds.items():
    if rank < world:
        shared = dist.PrefixStore(f"world-{world}", store)
        dist.init_process_group(
            backend, store=shared, rank=rank, world_size=world, timeout=timedelta(seconds=200)
        )
        found[world] = {way: globals()[way]() for way in ways}
        dist.barrier()
        dist.destroy_process_group()
(out / f"rank{rank}.json").write_text(json.dumps(found))
# Whoever serves the store leaves last.
if rank:
    store.set(f"done-{rank}", "")
elif not os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
    store.wait([f"done-{other}" for other in range(1, max(worlds))])
