"""The small network of family char_gpt that tests begin with."""

import dataclasses

import torch

from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.model import GPT

SMALL = Architecture(
    n_layer=2,
    n_head=2,
    n_embd=8,
    block_size=6,
    bias=False,
    vocab_size=11,
    dropout=0.0,
    n_hidden=None,
    use_rotary_embeddings=False,
    rotary_base=10000,
    rotary_max_position_embeddings=16,
)


def shape(**changes):
    """Another shape."""
    return dataclasses.replace(SMALL, **changes)


def build(*, seed=0, **changes):
    """A network of another shape, always the same weights."""
    torch.manual_seed(seed)
    return GPT(shape(**changes))


def some_tokens(rows=3, length=6):
    """Token ids, always the same."""
    return torch.randint(SMALL.vocab_size, (rows, length), generator=torch.Generator().manual_seed(1))
