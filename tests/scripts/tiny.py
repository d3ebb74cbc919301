"""A small training program with the ways in which programs misbehave."""
import argparse
import os
import signal
import sys
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--lr", type=float, default=1e-2)
parser.add_argument("--out", default="")
parser.add_argument("--raise-at", type=int, default=-1)
parser.add_argument("--exit-at", type=int, default=-1)
parser.add_argument("--exit-status", type=int, default=3)
parser.add_argument("--kill-at", type=int, default=-1)
parser.add_argument("--signal", default="SIGKILL")
parser.add_argument("--pause", type=float, default=0.0)
parser.add_argument("--lr-change-at", type=int, default=-1)
parser.add_argument("--random-data", choices=["", "python", "numpy", "numpy-generator"], default="")
args = parser.parse_args()

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)


def batch():
    if args.random_data == "python":
        import random
        return torch.tensor([[random.random() for _ in range(8)] for _ in range(4)])
    if args.random_data == "numpy":
        import numpy
        return torch.tensor(numpy.random.rand(4, 8), dtype=torch.float32)
    if args.random_data == "numpy-generator":
        import numpy
        return torch.tensor(numpy.random.default_rng().random((4, 8)), dtype=torch.float32)
    return torch.randn(4, 8)


for step in range(args.steps):
    if step == args.raise_at:
        raise ValueError(f"no more data at step {step}")
    if step == args.exit_at:
        sys.exit(args.exit_status)
    if step == args.kill_at:
        os.kill(os.getpid(), getattr(signal, args.signal))
    if step == args.lr_change_at:
        optimizer.param_groups[0]["lr"] *= 0.5
    time.sleep(args.pause)
    loss = model(batch()).square().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    print(f"step {step}: loss {loss.item():.6f}")
    sys.stderr.write(f"progress {step}\r")

if args.out:
    os.makedirs(args.out, exist_ok=True)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, os.path.join(args.out, "final.pt"))
