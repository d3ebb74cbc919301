"""Whole updates against a loop written out by hand: accumulation, prefetching, clipping and the learning rate."""

import random
import re

import numpy as np
import pytest
import torch

from tests.unit.trainers.networks import build
from trainers.__main__ import main

BATCH, BLOCK, MICRO_STEPS, PEAK, CLIP = 2, 4, 3, 1e-2, 0.05


def served_batches(tokens):
    """Every training batch in the order of the stream."""
    span = BATCH * BLOCK
    begin = random.Random(1337).randint(0, len(tokens) - 50 * span)
    while True:
        window = torch.tensor(tokens[begin : begin + span + 1].astype(np.int64))
        yield window[:-1].view(BATCH, BLOCK), window[1:].view(BATCH, BLOCK)
        begin += span


def train_by_hand(tokens, clip):
    """Two updates; returns the weights, and the losses of all micro-steps by update."""
    model = build(seed=1337, n_layer=1, block_size=BLOCK, bias=True)
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    stream = served_batches(tokens)
    batches = [next(stream)]  # the first batch is fetched before the evaluation at iteration 0 takes one
    next(stream)
    batches += [next(stream) for _ in range(2 * MICRO_STEPS - 1)]
    losses = []
    for update in range(2):
        mine = batches[update * MICRO_STEPS : (update + 1) * MICRO_STEPS]
        losses.append([model(*batch)[1] for batch in mine])
        optimizer.zero_grad()
        for loss in losses[-1]:
            (loss / MICRO_STEPS).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group in optimizer.param_groups:
            group["lr"] = PEAK * (update + 1) / 5
        optimizer.step()
    return model.state_dict(), [[loss.item() for loss in update] for update in losses]


@pytest.mark.parametrize("clip", [0.0, CLIP])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_two_updates(clip, dtype, tmp_path, capsys):
    tokens = np.random.default_rng(0).integers(0, 11, 2000).astype("<u2")
    for name in ("train.bin", "val.bin"):
        tokens.tofile(tmp_path / name)
    options = {
        "data_dir": tmp_path,
        "out_dir": tmp_path / "out",
        "dataset": "random",
        "vocab_size": 11,
        "file_logging": False,
        "device": "cpu",
        "compile": False,
        "dtype": dtype,
        "n_layer": 1,
        "n_head": 2,
        "n_embd": 8,
        "bias": True,
        "block_size": BLOCK,
        "batch_size": BATCH,
        "gradient_accumulation_steps": MICRO_STEPS,
        "learning_rate": PEAK,
        "warmup_iters": 4,
        "lr_decay_iters": 10,
        "grad_clip": clip,
        "eval_interval": 2,
        "eval_iters": 1,
        "max_iters": 2,
    }
    assert main(["char_gpt", *(f"--{key}={value}" for key, value in options.items())]) == 0
    weights, losses = train_by_hand(tokens, clip)
    saved = torch.load(tmp_path / "out" / "ckpt.pt")["model"]  # saved before the third update
    assert saved.keys() == weights.keys()
    for name, tensor in weights.items():
        # scaling by a power of two and back, as float16 asks for, is exact; the arithmetic stays float32 on a CPU
        assert torch.equal(saved[name], tensor), name
    printed = re.findall(r"^iter \d: loss (\S+),", capsys.readouterr().out, flags=re.MULTILINE)
    # the last micro-step stands for its update
    assert [float(loss) for loss in printed[:2]] == pytest.approx([update[-1] for update in losses], abs=6e-5)
