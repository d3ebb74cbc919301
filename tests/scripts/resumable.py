"""Trains, stops, and goes on as if it had never stopped: every part of its state is saved and restored."""
import argparse
import signal
import sys
from pathlib import Path

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path)
parser.add_argument("--steps", type=int, default=9)
parser.add_argument("--name", default="step")
parser.add_argument("--resume", action="store_true")
args = parser.parse_args()

SAMPLES, BATCH, MICRO_STEPS, EVERY = 24, 4, 2, 2
stop = []


def interrupt(number, frame):
    stop.append(number)


signal.signal(signal.SIGTERM, interrupt)


class Data:
    """Samples in another order in each epoch."""

    def __init__(self):
        self.samples = torch.randn(SAMPLES, 6, generator=torch.Generator().manual_seed(1))
        self.order = torch.Generator().manual_seed(2)
        self.epoch = -1
        self.begin()

    def begin(self):
        self.epoch += 1
        self.position = 0
        self.start = self.order.get_state()
        self.permutation = torch.randperm(SAMPLES, generator=self.order)

    def batch(self):
        if self.position == SAMPLES:
            self.begin()
        self.position += BATCH
        return self.samples[self.permutation[self.position - BATCH : self.position]]

    def state_dict(self):
        return {"epoch": self.epoch, "position": self.position, "start": self.start}

    def load_state_dict(self, state):
        self.order.set_state(state["start"])
        self.epoch = state["epoch"] - 1
        self.begin()
        self.position = state["position"]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(6, 6)
        self.norm = torch.nn.BatchNorm1d(6)
        self.second = torch.nn.Linear(6, 6)

    def forward(self, x):
        hidden = torch.nn.functional.dropout(self.norm(self.first(x)).relu(), 0.1, self.training)
        return self.second(hidden)


torch.manual_seed(0)
data = Data()
model = Net()
parameters = list(model.parameters())
optimizer = torch.optim.AdamW(parameters, lr=1e-2)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / 4 if step < 3 else 0.9 ** (step - 3))
scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2)
average = {name: tensor.clone() for name, tensor in model.state_dict().items()}
step = 0


def save(name):
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "scaler": scaler.state_dict(),
        "ema": average,
        "rng": torch.get_rng_state(),
        "data": data.state_dict(),
        "step": step,
    }
    torch.save(content, args.out / f"{name}-{step}.pt")


def newest():
    files = sorted(args.out.glob("*.pt"), key=lambda path: int(path.stem.rpartition("-")[2]), reverse=True)
    for path in files:
        try:
            return torch.load(path, weights_only=True)
        except Exception as error:
            print(f"{path.name} cannot be read ({type(error).__name__}), taking the one before")
    sys.exit("no checkpoint to resume from")


if args.resume:
    saved = newest()
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    scheduler.load_state_dict(saved["scheduler"])
    scaler.load_state_dict(saved["scaler"])
    average = saved["ema"]
    data.load_state_dict(saved["data"])
    step = saved["step"]
    torch.set_rng_state(saved["rng"])

args.out.mkdir(parents=True, exist_ok=True)
while step < args.steps:
    for _ in range(MICRO_STEPS):
        batch = data.batch()
        loss = (model(batch) - batch).square().mean() / MICRO_STEPS
        scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    scaler.step(optimizer)
    scaler.update()
    scheduler.step()
    optimizer.zero_grad()
    step += 1
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                average[name].lerp_(tensor, 0.1)
    print(f"step {step}: loss {loss.item() * MICRO_STEPS:.6f}")
    if stop:
        save("emergency")
        print(f"stopped by {signal.Signals(stop[0]).name}")
        break
    if step % EVERY == 0 or step == args.steps:
        save(args.name)
