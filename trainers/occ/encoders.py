"""Encoders of characters: CANINE, or a small one that takes and returns the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from trainers.common.errors import ConfigError
from trainers.occ.tokenizers import CodePointTokenizer, HashTokenizer, Tokenizer

TINY = "tiny"
TINY_IDS, TINY_WIDTH = 50, 16
CONFIGURATION = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


class TinyEncoder(nn.Module):
    """An embedding per character, and their mean for the whole text."""

    def __init__(self, *, ids: int = TINY_IDS, width: int = TINY_WIDTH) -> None:
        """Embed ``ids`` different characters in ``width`` channels."""
        super().__init__()
        self.config = SimpleNamespace(hidden_size=width)
        self.embedding = nn.Embedding(ids, width)
        self.pooler = nn.Linear(width, width)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        """Return ``last_hidden_state`` (B, T, width) and ``pooler_output`` (B, width)."""
        hidden = self.embedding(input_ids)
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1)
        return SimpleNamespace(last_hidden_state=hidden, pooler_output=torch.tanh(self.pooler(mean)))


def load_encoder(name: str) -> nn.Module:
    """Make the small encoder, or CANINE from a directory: with its weights, or drawn at random where there are none.

    Raises:
        ConfigError: the directory holds no model, or transformers is not installed.
    """
    if name == TINY:
        return TinyEncoder()
    directory = Path(name)
    if not (directory / CONFIGURATION).is_file():
        raise ConfigError([f"encoder is {name!r}, expected {TINY!r} or a directory with a {CONFIGURATION} of CANINE"])
    try:
        from transformers import CanineConfig, CanineModel
    except ImportError:
        raise ConfigError([f"encoder is {name!r}, which needs transformers; install the extra 'canine'"]) from None
    encoder: nn.Module
    if any((directory / weights).is_file() for weights in WEIGHTS):
        encoder = CanineModel.from_pretrained(name)
    else:
        encoder = CanineModel(CanineConfig.from_pretrained(name))
    return encoder


def load_tokenizer(name: str, *, max_length: int) -> Tokenizer:
    """Make the tokenizer that belongs to the encoder ``name``."""
    return HashTokenizer(max_length) if name == TINY else CodePointTokenizer(max_length)
