"""A stand-in for published weights of GPT-2: random ones, under the names and in the shapes of the files on the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from trainers.char_gpt.pretrained import GPT2_BLOCK_SIZE, GPT2_SIZES, GPT2_VOCABULARY, WEIGHTS_FILE

DEVIATION = 0.02


def write_gpt2(name: str, directory: Path, *, seed: int) -> None:
    """Write ``directory``/``name``/pytorch_model.bin."""
    generator = torch.Generator().manual_seed(seed)
    size = GPT2_SIZES[name]
    shapes = gpt2_shapes(layers=size["n_layer"], width=size["n_embd"])
    weights = {key: DEVIATION * torch.randn(shape, generator=generator) for key, shape in shapes}
    place = directory / name
    place.mkdir(parents=True, exist_ok=True)
    torch.save(weights, place / WEIGHTS_FILE)


def gpt2_shapes(*, layers: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """List names and shapes; matrices are stored as (inputs, outputs), the output layer is the token embedding."""
    yield "wte.weight", (GPT2_VOCABULARY, width)
    yield "wpe.weight", (GPT2_BLOCK_SIZE, width)
    for layer in range(layers):
        for norm in ("ln_1", "ln_2"):
            yield from ((f"h.{layer}.{norm}.{kind}", (width,)) for kind in ("weight", "bias"))
        for name, inputs, outputs in (
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, 4 * width),
            ("mlp.c_proj", 4 * width, width),
        ):
            yield f"h.{layer}.{name}.weight", (inputs, outputs)
            yield f"h.{layer}.{name}.bias", (outputs,)
    yield from ((f"ln_f.{kind}", (width,)) for kind in ("weight", "bias"))
