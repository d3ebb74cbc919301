"""A small transformer and its variants: harmless ones, which differ by rounding alone, and small real defects."""
import argparse
import math
import sys

import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

parser = argparse.ArgumentParser()
parser.add_argument("variant")
parser.add_argument("--updates", type=int, default=6)
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--dropout", type=float, default=0.0)
args = parser.parse_args()
is_variant = args.variant.__eq__

VOCABULARY, WIDTH, LENGTH, ROWS, MICRO_STEPS = 64, 64, 16, 8, 4
torch.manual_seed(0)
torch.set_num_threads(2 if is_variant("threads") else 1)


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.out = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = self.qkv(x).view(len(x), LENGTH, 3, 4, WIDTH // 4).permute(2, 0, 3, 1, 4)
        backend = SDPBackend.MATH if is_variant("sdpa-math") else SDPBackend.FLASH_ATTENTION
        with sdpa_kernel(backend):
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(len(x), LENGTH, WIDTH))


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        eps = 1e-6 if is_variant("norm-eps") else 1e-5
        self.first, self.second = (torch.nn.LayerNorm(WIDTH, eps=eps) for _ in range(2))
        self.attention = Attention()
        gelu = torch.nn.GELU(approximate="tanh" if is_variant("gelu-tanh") else "none")
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(WIDTH, 4 * WIDTH), gelu, torch.nn.Linear(4 * WIDTH, WIDTH), torch.nn.Dropout(args.dropout)
        )

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = torch.nn.Sequential(Block(), Block())
        self.head = torch.nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens):
        return self.head(self.blocks(self.embedding(tokens)))


class AdamW(torch.optim.AdamW):
    """An optimizer whose epsilon is not the one that its groups show."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            group["eps"] = 1e-6
        super().step(closure)
        for group in self.param_groups:
            group["eps"] = 1e-8


def batches():
    generator = torch.Generator().manual_seed(7 if is_variant("other-data") else 1)
    while True:
        tokens = torch.randint(VOCABULARY, (MICRO_STEPS * ROWS, LENGTH + 1), generator=generator)
        if is_variant("swapped-targets"):
            yield tokens[:, :-1], tokens[:, 1:].roll(1, 0)
        else:
            yield tokens[:, :-1], tokens[:, 1:]


model = Model()
matrices = [one for one in model.parameters() if one.dim() >= 2]
vectors = [one for one in model.parameters() if one.dim() < 2]
groups = [
    {"params": matrices, "weight_decay": 0.1},
    {"params": vectors, "weight_decay": 0.1 if is_variant("decay-on-biases") else 0.0},
]
way = {"fused": True} if is_variant("fused") else {"foreach": not is_variant("loop")}
eps = 1e-6 if is_variant("adam-eps") else 1e-8
kind = AdamW if is_variant("hidden-eps") else torch.optim.AdamW
optimizer = kind(groups, lr=1e-3, betas=(0.9, 0.95), eps=eps, **way)

for update, (inputs, targets) in zip(range(args.updates), batches()):
    parts = 2 if is_variant("merged") else 1 if is_variant("half") else MICRO_STEPS
    pairs = list(zip(inputs.chunk(parts), targets.chunk(parts)))
    if is_variant("reversed"):
        pairs.reverse()
    if is_variant("half"):
        pairs = [(inputs[: len(inputs) // 2], targets[: len(inputs) // 2])]
    total = 0.0
    for x, y in pairs:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bfloat16"):
            loss = functional.cross_entropy(model(x).view(-1, VOCABULARY), y.reshape(-1)) / len(pairs)
        if is_variant("late") and update == 5:
            loss = loss * (1 + 1e-4)
        loss.backward()
        total += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    shown = math.exp(total) if is_variant("prints-perplexity") else total
    print(f"update {update}: loss {shown:.5f}")
    sys.stdout.flush()
