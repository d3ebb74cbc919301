"""Models that somebody else has trained: the sizes of GPT-2, and its weights under the names of this network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from trainers.common.errors import CheckpointError

GPT2_SIZES: Mapping[str, Mapping[str, int]] = {
    "gpt2-tiny": {"n_layer": 2, "n_head": 2, "n_embd": 32},
    "gpt2": {"n_layer": 12, "n_head": 12, "n_embd": 768},
    "gpt2-medium": {"n_layer": 24, "n_head": 16, "n_embd": 1024},
    "gpt2-large": {"n_layer": 36, "n_head": 20, "n_embd": 1280},
    "gpt2-xl": {"n_layer": 48, "n_head": 25, "n_embd": 1600},
}
"""124, 350, 774 and 1558 million parameters, and one for trying things out."""

GPT2_VOCABULARY = 50257
GPT2_BLOCK_SIZE = 1024
WEIGHTS_FILE = "pytorch_model.bin"
PREFIX = "transformer."
MASKS = (".attn.bias", ".attn.masked_bias")
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def load_gpt2(name: str, *, directory: Path | None) -> dict[str, torch.Tensor]:
    """Return the weights of the GPT-2 called ``name``; without a ``directory`` they are downloaded.

    Raises:
        CheckpointError: the file is missing, or transformers is not installed.
    """
    weights = _download(name) if directory is None else _read(directory / name / WEIGHTS_FILE)
    return _renamed(weights)


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise CheckpointError(f"no weights {path}; use another --gpt2_dir, or none to download them")
    weights: dict[str, torch.Tensor] = torch.load(path)
    return weights


def _download(name: str) -> dict[str, torch.Tensor]:
    try:
        from transformers import GPT2LMHeadModel
    except ImportError as error:
        raise CheckpointError(
            f"{name} is downloaded by transformers, which is not installed; use --gpt2_dir"
        ) from error
    weights: dict[str, torch.Tensor] = GPT2LMHeadModel.from_pretrained(name).state_dict()
    return weights


def _renamed(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out causal masks, and turn matrices that are stored as (inputs, outputs); some files have no prefix."""
    state = {}
    for name, tensor in weights.items():
        bare = name.removeprefix(PREFIX)
        if bare != "lm_head.weight" and not bare.endswith(MASKS):
            state[PREFIX + bare] = tensor.t() if bare.endswith(TRANSPOSED) else tensor
    state["lm_head.weight"] = state[f"{PREFIX}wte.weight"]
    return state
