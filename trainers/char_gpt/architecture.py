"""What shape a network has: the description that a checkpoint keeps, apart from the network itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from trainers.common.errors import ConfigError

EMBEDDING_MODES = ("standard", "lora")


def architecture_problems(
    *,
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    dropout: float,
    use_rotary_embeddings: bool,
    rotary_max_position_embeddings: int,
    embedding_mode: str,
    embedding_rank: int,
    attn_lora_rank: int,
    **_others: object,
) -> Iterator[str]:
    """Give one sentence per reason why such a network cannot be built; ``_others`` cannot be wrong."""
    for key, value in (("n_layer", n_layer), ("n_head", n_head), ("n_embd", n_embd)):
        if value < 1:
            yield f"{key} is {value}, expected at least 1"
    if not 0.0 <= dropout <= 1.0:
        yield f"dropout is {dropout}, expected a probability"
    if embedding_mode not in EMBEDDING_MODES:
        yield f"embedding_mode is {embedding_mode!r}, expected one of {', '.join(EMBEDDING_MODES)}"
    if embedding_mode == "lora" and embedding_rank < 1:
        yield f"embedding_rank is {embedding_rank}, expected at least 1 with --embedding_mode=lora"
    if attn_lora_rank < 0:
        yield f"attn_lora_rank is {attn_lora_rank}, expected at least 0"
    if n_head < 1:
        return
    if n_embd % n_head != 0:
        yield f"n_embd is {n_embd}, expected a multiple of n_head, which is {n_head}"
    if not use_rotary_embeddings:
        return
    if (n_embd // n_head) % 2 != 0:
        yield f"n_embd / n_head is {n_embd // n_head}, expected an even number for rotary embeddings"
    if block_size > rotary_max_position_embeddings:
        yield (
            f"block_size is {block_size}, but rotations are tabulated for {rotary_max_position_embeddings} positions;"
            f" use --rotary_max_position_embeddings={block_size}"
        )


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The shape of one network; the fields are the ``model_args`` of a checkpoint, in this order."""

    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    bias: bool
    vocab_size: int
    dropout: float
    n_hidden: int | None
    use_rotary_embeddings: bool
    rotary_base: int
    rotary_max_position_embeddings: int
    embedding_mode: str = "standard"
    embedding_rank: int = 0
    attn_lora_rank: int = 0
    lora_alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a network that cannot be built.

        Raises:
            ConfigError: with every reason there is.
        """
        problems = list(architecture_problems(**dataclasses.asdict(self)))
        if problems:
            raise ConfigError(problems)

    @property
    def head_size(self) -> int:
        """Channels per attention head."""
        return self.n_embd // self.n_head

    @property
    def token_rank(self) -> int:
        """Rank of the addition to the token embedding; 0 means that the embedding itself is trained."""
        return self.embedding_rank if self.embedding_mode == "lora" else 0

    @property
    def hidden_size(self) -> int:
        """Channels inside the MLP."""
        return 4 * self.n_embd if self.n_hidden is None else self.n_hidden
