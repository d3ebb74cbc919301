"""The sizes of GPT-2, and the shape of one network."""

from __future__ import annotations

from dataclasses import dataclass

PADDED_VOCABULARY = 50304
"""GPT-2 has 50257 tokens; a multiple of 64 suits the hardware better."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a network is, apart from its vocabulary and context."""

    n_layer: int
    n_head: int
    n_embd: int


SIZES = {
    "gpt2-tiny": Size(n_layer=2, n_head=2, n_embd=32),
    "gpt2": Size(n_layer=12, n_head=12, n_embd=768),
    "gpt2-medium": Size(n_layer=24, n_head=16, n_embd=1024),
    "gpt2-large": Size(n_layer=36, n_head=20, n_embd=1280),
    "gpt2-xl": Size(n_layer=48, n_head=25, n_embd=1600),
}
"""By the name of the model; the tiny one is for trying things out."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The shape of one network; the fields are the ``config`` of a checkpoint."""

    block_size: int
    vocab_size: int
    n_layer: int
    n_head: int
    n_embd: int
    dropout: float
    bias: bool

    @property
    def head_size(self) -> int:
        """Channels per attention head."""
        return self.n_embd // self.n_head


def build_architecture(
    name: str, *, block_size: int, vocab_size: int | None, dropout: float, bias: bool
) -> Architecture:
    """Return the network called ``name``; a ``vocab_size`` of None stands for that of GPT-2."""
    size = SIZES[name]
    return Architecture(
        block_size=block_size,
        vocab_size=PADDED_VOCABULARY if vocab_size is None else vocab_size,
        n_layer=size.n_layer,
        n_head=size.n_head,
        n_embd=size.n_embd,
        dropout=dropout,
        bias=bias,
    )
