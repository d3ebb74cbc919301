"""Who takes the snapshots of a run, and has them looked at while the training goes on."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from trainers.char_gpt.analysis import Analysis, Snapshot, analyse, take_snapshot
from trainers.char_gpt.model import GPT
from trainers.common.background import Worker, has_memory


class Analyst:
    """Looks at each snapshot and at the one before; whatever is random comes from generators of its own."""

    def __init__(self, mode: str, *, seed: int) -> None:
        """Work in the background (``async``), at once (``sync``), or not at all (``off``)."""
        self._worker = None if mode == "off" else Worker[Analysis](is_synchronous=mode == "sync")
        self._seed = seed
        self._before: Snapshot | None = None

    def dispatch(
        self,
        model: GPT,
        *,
        iteration: int,
        draw: Callable[[torch.Generator], torch.Tensor],
        tokens: Callable[[], torch.Tensor],
    ) -> None:
        """Have ``model`` looked at as it is now, unless memory is short.

        ``draw`` makes a batch of token ids, ``tokens`` lists those whose embeddings are compared.
        """
        if self._worker is None or not has_memory():
            return
        seed = self._seed + iteration
        ids = draw(torch.Generator().manual_seed(seed))
        snapshot = take_snapshot(model, iteration=iteration, ids=ids, tokens=tokens(), seed=seed)
        self._worker.submit(functools.partial(analyse, snapshot, self._before))
        self._before = snapshot

    def collect(self) -> list[Analysis]:
        """Return what has been found out since the last time."""
        return [] if self._worker is None else self._worker.collect()

    def finish(self) -> list[Analysis]:
        """Wait for the last analysis, and return what has been found out."""
        return [] if self._worker is None else self._worker.finish()
