"""How frequent each token is in the corpus, estimated once and kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from trainers.common.data import open_tokens, to_tensor


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The training files, and how much of them an estimate reads: ``sample_tokens``, shared evenly among them."""

    shards: Sequence[Path]
    vocabulary_size: int
    sample_tokens: int
    directory: Path
    """Where the estimate is kept."""
    is_master: bool
    """Only the master writes the file."""

    def distribution(self) -> torch.Tensor:
        """Return the estimate, float64 of shape (vocabulary size,), from its file if there is one."""
        path = self.directory / f"corpus_dist_approx_{self.sample_tokens}.pt"
        if path.exists():
            kept: torch.Tensor = torch.load(path)
            return kept
        distribution = self._estimate()
        if self.is_master:
            # other processes may look at any time
            temporary = path.with_name(f"{path.name}.tmp")
            torch.save(distribution, temporary)
            temporary.rename(path)
        return distribution

    def _estimate(self) -> torch.Tensor:
        """Count the first tokens of each shard; a shorter shard counts with what it has."""
        quota = self.sample_tokens // len(self.shards)
        counts = torch.zeros(self.vocabulary_size, dtype=torch.float64)
        for shard in self.shards:
            ids = to_tensor(open_tokens(shard)[:quota]).clamp(max=self.vocabulary_size - 1)
            counts += torch.bincount(ids, minlength=self.vocabulary_size)
        return counts / counts.sum()
