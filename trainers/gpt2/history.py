"""What a run remembers about itself, to be written as JSON at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainers.gpt2.evaluation import perplexity


@dataclass(kw_only=True)
class History:
    """Series of the printed values; ``timestamps`` are seconds since the start."""

    iterations: list[int] = field(default_factory=list)
    timestamps: list[float] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    train_perplexities: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    sparsities: list[float] = field(default_factory=list)
    val_iterations: list[int] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    val_perplexities: list[float] = field(default_factory=list)

    def add_training(
        self, iteration: int, *, seconds: float, loss: float, learning_rate: float, sparsity: float
    ) -> dict[str, float]:
        """Take in what is logged of training; returns it under the names that trackers know."""
        self.iterations.append(iteration)
        self.timestamps.append(seconds)
        self.train_losses.append(loss)
        self.train_perplexities.append(perplexity(loss))
        self.learning_rates.append(learning_rate)
        self.sparsities.append(sparsity)
        return {
            "train_loss": loss,
            "train_perplexity": perplexity(loss),
            "learning_rate": learning_rate,
            "sparsity": sparsity,
        }

    def add_validation(self, iteration: int, *, loss: float) -> dict[str, float]:
        """Take in an evaluation; returns it under the names that trackers know."""
        self.val_iterations.append(iteration)
        self.val_losses.append(loss)
        self.val_perplexities.append(perplexity(loss))
        return {"val_loss": loss, "val_perplexity": perplexity(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Return all series."""
        return asdict(self)


def write_metrics(history: History, results: Mapping[str, object], *, paths: list[Path]) -> None:
    """Write the series and the results of the end as one JSON object, to each of the paths."""
    text = json.dumps({**asdict(history), **results}, indent=2)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
