"""Batches: a buffered stream for training, random windows for validation."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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


class BatchManager:
    """A first-in first-out buffer of training batches.

    Whenever the buffer is empty it takes the next shard, round robin, and cuts consecutive batches from a random start.
    """

    def __init__(
        self,
        shards: Sequence[Path],
        *,
        batch_size: int,
        block_size: int,
        device: torch.device,
        generator: random.Random,
    ) -> None:
        """Serve batches of ``batch_size`` rows of ``block_size`` tokens; starts are drawn from ``generator``."""
        self._shards = shards
        self._batch_size = batch_size
        self._block_size = block_size
        self._device = device
        self._generator = generator
        self._next_shard = 0
        self._buffer: deque[Batch] = deque()
        self.total_tokens_served = 0

    def get_batch(self) -> Batch:
        """Return the next batch, on the device.

        Raises:
            DataError: a shard is missing, or none is long enough for one batch.
        """
        for _ in self._shards:
            if self._buffer:
                break
            self._refill()
        if not self._buffer:
            raise DataError(
                f"no training file holds {self._batch_size * self._block_size + 1} tokens, enough for one batch;"
                " use a smaller --batch_size or --block_size"
            )
        batch = self._buffer.popleft()
        self.total_tokens_served += batch[0].numel()
        return to_device(batch, self._device)

    def state_dict(self, *, unused: Batch) -> dict[str, Any]:
        """Return what decides which batches come next; ``unused`` was served, but nobody has looked at it yet."""
        pending = [tuple(part.cpu() for part in unused), *self._buffer]
        # the targets are the inputs and one token more; the ids are below 2 ** 16
        windows = [torch.cat((inputs.flatten(), targets.flatten()[-1:])) for inputs, targets in pending]
        return {
            "starts": torch.tensor(self._generator.getstate()[1]),
            "next_shard": self._next_shard,
            "pending": torch.stack(windows).int(),
            "block_size": self._block_size,
            "total_tokens_served": self.total_tokens_served - unused[0].numel(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken; batches of another shape are passed over, and new ones cut."""
        version, _, next_gauss = self._generator.getstate()
        self._generator.setstate((version, tuple(state["starts"].tolist()), next_gauss))
        self._next_shard = state["next_shard"] % len(self._shards)
        self.total_tokens_served = state["total_tokens_served"]
        shape = (self._batch_size, self._block_size)
        windows = state["pending"].long()
        if state["block_size"] == self._block_size and windows.size(1) == math.prod(shape) + 1:
            self._buffer.extend((window[:-1].view(shape), window[1:].view(shape)) for window in windows)

    def _refill(self) -> None:
        tokens = open_tokens(self._shards[self._next_shard])
        self._next_shard = (self._next_shard + 1) % len(self._shards)
        length = BATCHES_PER_REFILL * self._batch_size * self._block_size
        start = self._generator.randint(0, max(0, len(tokens) - length))
        self._buffer.extend(
            cut_batches(
                tokens,
                start=start,
                batch_size=self._batch_size,
                block_size=self._block_size,
                count=BATCHES_PER_REFILL,
            )
        )


class ValidationBatches:
    """Random windows of the validation tokens; the starts come from the global torch generator."""

    def __init__(self, path: Path, *, batch_size: int, block_size: int, device: torch.device) -> None:
        """Serve batches of ``batch_size`` windows of ``block_size`` tokens.

        Raises:
            DataError: the file is missing or too short for one window.
        """
        self._tokens = open_tokens(path)
        self._batch_size = batch_size
        self._block_size = block_size
        self._device = device
        if len(self._tokens) <= block_size:
            raise DataError(f"{path} holds {len(self._tokens)} tokens, expected more than --block_size={block_size}")

    def get_batch(self) -> Batch:
        """Draw a batch, on the device."""
        starts = torch.randint(len(self._tokens) - self._block_size, (self._batch_size,)).tolist()
        inputs = torch.stack([self._window(start) for start in starts])
        targets = torch.stack([self._window(start + 1) for start in starts])
        return to_device((inputs, targets), self._device)

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """Draw the inputs of a batch with a generator of one's own, which leaves the training as it is."""
        starts = torch.randint(len(self._tokens) - self._block_size, (self._batch_size,), generator=generator)
        return torch.stack([self._window(start) for start in starts.tolist()])

    def _window(self, start: int) -> torch.Tensor:
        return to_tensor(self._tokens[start : start + self._block_size])
