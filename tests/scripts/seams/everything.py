"""A short training with something for nearly every probe."""
import argparse
import random
import signal
import sys

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler
from torch.utils.tensorboard import SummaryWriter

parser = argparse.ArgumentParser()
parser.add_argument("out")
args = parser.parse_args()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
torch.manual_seed(0)
random.seed(1)
writer = SummaryWriter(args.out)
inner = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5))
inner.load_state_dict(inner.state_dict())
model = torch.nn.parallel.DistributedDataParallel(inner)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
data = TensorDataset(torch.randn(8, 4), torch.arange(8) % 4)
sampler = DistributedSampler(data)
sampler.set_epoch(1)
for step, (batch, labels) in enumerate(DataLoader(data, batch_size=2, sampler=sampler)):
    model.train()
    loss = torch.nn.functional.cross_entropy(model(batch), labels)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    scheduler.step(1.0)
    dist.all_reduce(loss.detach())
    model.eval()
    with torch.no_grad():
        held_out = model(batch).square().mean()
    writer.add_scalar("loss", loss.item(), step)
    print("step", step, held_out.item())
torch.save({"step": step}, f"{args.out}/state.pt")
save_file(inner.state_dict(), f"{args.out}/model.safetensors")
dist.destroy_process_group()
sys.exit(0)
