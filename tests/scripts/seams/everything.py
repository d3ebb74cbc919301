"""A short training with something for every probe that listens beside the training step."""
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
inner = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5))
model = torch.nn.parallel.DistributedDataParallel(inner)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
data = TensorDataset(torch.randn(8, 4))
sampler = DistributedSampler(data)
sampler.set_epoch(1)
for step, (batch,) in enumerate(DataLoader(data, batch_size=2, sampler=sampler)):
    model.train()
    loss = model(batch).square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step(1.0)
    dist.all_reduce(loss.detach())
    writer.add_scalar("loss", loss.item(), step)
    print("step", step)
torch.save({"step": step}, f"{args.out}/state.pt")
save_file(inner.state_dict(), f"{args.out}/model.safetensors")
dist.destroy_process_group()
sys.exit(0)
