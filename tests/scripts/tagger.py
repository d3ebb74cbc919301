"""Learns padded texts with what small scripts lack: a data loader and a loss scaler, uneven accumulation, recomputation,
batch norm, a tied head, an average of the weights, a perplexity.
"""
import argparse
import copy
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path)
args = parser.parse_args()

WORDS, WIDTH, LENGTH, PAD = 11, 8, 7, 0
BATCH, MICRO_STEPS, EPOCHS, WARMUP, OVERFLOW = 4, 2, 4, 3, 7
step = seen = 0


def texts(number, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, WORDS, (number, LENGTH), generator=generator)
    lengths = torch.randint(3, LENGTH + 1, (number, 1), generator=generator)
    return ids.masked_fill(torch.arange(LENGTH) >= lengths, PAD)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.widen = nn.Linear(WIDTH, 2 * WIDTH)
        self.narrow = nn.Linear(2 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        return x + self.dropout(self.narrow(F.gelu(self.widen(x))))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.norm = nn.BatchNorm1d(WIDTH)
        self.block = Block()
        self.head = nn.Linear(WIDTH, WORDS, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids, labels):
        x = self.norm(self.embed(ids).transpose(1, 2)).transpose(1, 2)
        x = checkpoint(self.block, x, use_reentrant=False)
        logits = self.head(x)[:, :-1]
        targets = labels[:, 1:]
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)


torch.manual_seed(0)
model = Tagger()
average = copy.deepcopy(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda at: (at + 1) / (WARMUP + 1) if at < WARMUP else 0.9 ** (at - WARMUP)
)
scaler = torch.amp.GradScaler("cpu", init_scale=256.0, growth_interval=4)
data = DataLoader(TensorDataset(texts(18, 1)), BATCH, shuffle=True, generator=torch.Generator().manual_seed(3))
held_out = DataLoader(TensorDataset(texts(10, 2)), BATCH, generator=torch.Generator().manual_seed(4))


def count(ids):
    return int((ids[:, 1:] != PAD).sum())


def learn(ids, total):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(ids, ids)
    loss = loss * count(ids) / total
    if step == OVERFLOW:
        loss = loss * float("inf")
    scaler.scale(loss).backward()
    return loss.item()


def update(batches):
    global step, seen
    total = sum(count(ids) for ids in batches)
    losses = [learn(ids, total) for ids in batches]
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    if scaler.get_scale() >= scale:
        scheduler.step()
    with torch.no_grad():
        for kept, new in zip(average.parameters(), model.parameters()):
            kept.lerp_(new, 0.1)
        for kept, new in zip(average.buffers(), model.buffers()):
            kept.copy_(new)
    seen += total
    print(f"step {step}: loss {sum(losses):.6f}, {total:,} tokens, {seen:,} tokens so far")
    step += 1


@torch.no_grad()
def evaluate(net, name):
    net.eval()
    total = tokens = 0
    for (ids,) in held_out:
        number = count(ids)
        total += net(ids, ids).item() * number
        tokens += number
    net.train()
    print(f"epoch {epoch}: {name} loss {total / tokens:.6f}, perplexity {math.exp(total / tokens):.6f}")


print(f"tokens per update: {MICRO_STEPS * BATCH * LENGTH:,}")
for epoch in range(EPOCHS):
    waiting = []
    for (ids,) in data:
        waiting.append(ids)
        if len(waiting) == MICRO_STEPS:
            update(waiting)
            waiting = []
    if waiting:
        update(waiting)
    evaluate(model, "val")
    evaluate(average, "average")
args.out.mkdir(parents=True, exist_ok=True)
torch.save({"model": model.state_dict(), "average": average.state_dict(), "step": step}, args.out / "last.pt")
