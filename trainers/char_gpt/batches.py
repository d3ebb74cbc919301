"""Where batches are cut: runs of consecutive windows for training, random windows for validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from trainers.common.data import Batch, Tokens, open_tokens, to_device, to_tensor
from trainers.common.errors import DataError

BATCHES_PER_REFILL = 50


def cut_batches(tokens: Tokens, *, start: int, batch_size: int, block_size: int, count: int) -> Iterator[Batch]:
    """Cut up to ``count`` batches out of a stream, one behind the other from ``start``.

    The targets are the inputs moved on by one token in the stream, not in the row: the last target of a row is the
    first input of the next row. A batch therefore takes one token more than it has inputs, and the stream ends where
    that token is missing.
    """
    span = batch_size * block_size
    for begin in range(start, start + count * span, span):
        window = to_tensor(tokens[begin : begin + span + 1])
        if len(window) < span + 1:
            return
        yield window[:-1].view(batch_size, block_size), window[1:].view(batch_size, block_size)


class Places(Protocol):
    """A generator of places: one of ``random``, or ``random`` itself."""

    def randint(self, a: int, b: int) -> int:
        """Draw a number, ends included."""
        ...

    def getstate(self) -> tuple[Any, ...]:
        """Return what decides the next numbers."""
        ...

    def setstate(self, state: tuple[Any, ...]) -> None:
        """Go on where ``state`` was taken."""
        ...


class BatchCutter:
    """Cuts consecutive batches from a random place of one shard after the other, round robin."""

    def __init__(self, shards: Sequence[Path], *, batch_size: int, block_size: int, places: Places) -> None:
        """Cut batches of ``batch_size`` rows of ``block_size`` tokens; they begin at ``places``."""
        self._shards = shards
        self.batch_size = batch_size
        self.block_size = block_size
        self._places = places
        self._next_shard = 0

    def cut(self) -> list[Batch]:
        """Return up to 50 batches of the next shard that is long enough for any.

        Raises:
            DataError: a shard is missing, or none is long enough for one batch.
        """
        for _ in self._shards:
            batches = self._cut_next_shard()
            if batches:
                return batches
        raise DataError(
            f"no training file holds {self.batch_size * self.block_size + 1} tokens, enough for one batch;"
            " use a smaller --batch_size or --block_size"
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what decides where the next batches are cut."""
        return {"starts": torch.tensor(self._places.getstate()[1]), "next_shard": self._next_shard}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        version, _, next_gauss = self._places.getstate()
        self._places.setstate((version, tuple(state["starts"].tolist()), next_gauss))
        self._next_shard = state["next_shard"] % len(self._shards)

    def _cut_next_shard(self) -> list[Batch]:
        tokens = open_tokens(self._shards[self._next_shard])
        self._next_shard = (self._next_shard + 1) % len(self._shards)
        length = BATCHES_PER_REFILL * self.batch_size * self.block_size
        return list(
            cut_batches(
                tokens,
                start=self._places.randint(0, max(0, len(tokens) - length)),
                batch_size=self.batch_size,
                block_size=self.block_size,
                count=BATCHES_PER_REFILL,
            )
        )


class ValidationBatches:
    """Random windows of the validation tokens; the starts come from the global torch generator."""

    def __init__(self, path: Path, *, block_size: int, device: torch.device) -> None:
        """Serve batches of windows of ``block_size`` tokens.

        Raises:
            DataError: the file is missing or too short for one window.
        """
        self._tokens = open_tokens(path)
        self._block_size = block_size
        self._device = device
        if len(self._tokens) <= block_size:
            raise DataError(f"{path} holds {len(self._tokens)} tokens, expected more than --block_size={block_size}")

    def get_batch(self, batch_size: int) -> Batch:
        """Draw a batch of ``batch_size`` windows, on the device."""
        starts = torch.randint(len(self._tokens) - self._block_size, (batch_size,)).tolist()
        inputs = torch.stack([self._window(start) for start in starts])
        targets = torch.stack([self._window(start + 1) for start in starts])
        return to_device((inputs, targets), self._device)

    def draw(self, batch_size: int, generator: torch.Generator) -> torch.Tensor:
        """Draw the inputs of a batch with a generator of one's own, which leaves the training as it is."""
        starts = torch.randint(len(self._tokens) - self._block_size, (batch_size,), generator=generator)
        return torch.stack([self._window(start) for start in starts.tolist()])

    def _window(self, start: int) -> torch.Tensor:
        return to_tensor(self._tokens[start : start + self._block_size])
