"""The ablation: several steps one after the other, each on its own, and a table of what came out."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.common.errors import ConfigError
from trainers.gpt2.chart import Curve, write_chart
from trainers.gpt2.checkpoint import last_checkpoint
from trainers.gpt2.reciprocal_config import UnifiedRAConfig
from trainers.gpt2.steps import steps
from trainers.gpt2.unified_ra import METRICS_NAME

TABLE_NAME = "ablation.json"
TEXT_NAME = "ablation.txt"
CHART_NAME = "ablation.svg"
OPTIONS_NAME = "options.json"
PLACES = frozenset({"ra_step", "output_dir", "ablation_mode", "ablation_steps", "chart"})
"""Options that say which step is trained and where, not how."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came out of one step."""

    step: str
    best_val_loss: float
    final_val_loss: float
    seconds: float


class AblationCoordinator:
    """Runs steps from one configuration, of which every step gets a copy of its own."""

    def __init__(self, config: UnifiedRAConfig, names: Sequence[str]) -> None:
        """Plan the steps ``names``, each with a directory below the output directory of ``config``.

        Raises:
            ConfigError: a step does not exist, is named twice, or does not fit the model.
        """
        known = steps(config.sizes, block_size=config.model.block_size)
        problems = [
            f"ablation step is {name!r}, expected one of {', '.join(known)}" for name in names if name not in known
        ]
        problems += [f"ablation step {name} is named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
        if not names:
            problems.append("ablation_steps is empty, expected names such as V0,V1")
        if not problems:
            self.configs = {name: _configure(config, name) for name in names}
            problems = list(dict.fromkeys(problem for one in self.configs.values() for problem in one.problems()))
        if problems:
            raise ConfigError(problems)
        self._directory = config.output_dir
        self._options = {key: value for key, value in config.remembered().items() if key not in PLACES}

    def run(self, train: Callable[[UnifiedRAConfig], None], *, say: Callable[[str], None]) -> None:
        """Train all steps; what an interrupted run has done, steps and checkpoints, is not done again.

        ``train`` trains one configuration, ``say`` prints where printing is allowed.
        """
        for number, (name, config) in enumerate(self.configs.items(), start=1):
            is_done = (config.output_dir / METRICS_NAME).is_file()
            say(f"[{number}/{len(self.configs)}] step {name}{': done before' if is_done else ''}")
            if not is_done:
                train(_resume(config))

    def results(self) -> list[Result]:
        """Read what came out of the steps that are done."""
        return [
            _read_result(name, config.output_dir)
            for name, config in self.configs.items()
            if (config.output_dir / METRICS_NAME).is_file()
        ]

    def check_options(self) -> None:
        """Compare the options with those that a directory was begun with, lest unlike results stand in one table.

        Raises:
            ConfigError: they differ.
        """
        path = self._directory / OPTIONS_NAME
        if not path.is_file():
            return
        begun = json.loads(path.read_text(encoding="utf-8"))
        different = [
            f"{key} was {begun.get(key)!r}, is {value!r}"
            for key, value in self._options.items()
            if begun.get(key) != value
        ]
        if different:
            problem = f"{self._directory} holds an ablation with other options: {', '.join(different)}"
            raise ConfigError([f"{problem}; use another --output-dir"])

    def write_options(self) -> None:
        """Note the options in the output directory, before the first step is trained."""
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / OPTIONS_NAME).write_text(json.dumps(self._options, indent=2), encoding="utf-8")

    def write(self, results: Sequence[Result]) -> None:
        """Write the table into the output directory, for programs and for people."""
        text = json.dumps([dataclasses.asdict(result) for result in results], indent=2)
        (self._directory / TABLE_NAME).write_text(text, encoding="utf-8")
        (self._directory / TEXT_NAME).write_text("\n".join(table_lines(results)) + "\n", encoding="utf-8")

    def draw(self, results: Sequence[Result]) -> Path:
        """Draw the chart of the steps into the output directory; returns the file."""
        path = self._directory / CHART_NAME
        write_chart([_read_curve(result, self.configs[result.step].output_dir) for result in results], path)
        return path


def split_steps(text: str) -> list[str]:
    """List the steps that a comma-separated text names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def table_lines(results: Sequence[Result]) -> list[str]:
    """Show the results, with the change against the first step."""
    lines = ["step   best val loss   final val loss   against first   final val ppl   seconds"]
    for result in results:
        change = result.final_val_loss - results[0].final_val_loss
        lines.append(
            f"{result.step:<5} {result.best_val_loss:14.4f} {result.final_val_loss:16.4f} {change:+15.4f}"
            f" {math.exp(result.final_val_loss):15.2f} {result.seconds:9.1f}"
        )
    return lines


def _configure(config: UnifiedRAConfig, name: str) -> UnifiedRAConfig:
    """Copy the configuration for one step; being frozen, no step can change that of another."""
    return dataclasses.replace(
        config,
        reciprocal=dataclasses.replace(config.reciprocal, ra_step=name),
        output=dataclasses.replace(config.output, output_dir=str(config.output_dir / name)),
    )


def _resume(config: UnifiedRAConfig) -> UnifiedRAConfig:
    """Go on from the last checkpoint that the step has left, where it was told to leave any."""
    path = last_checkpoint(config.output_dir)
    if path is None:
        return config
    return dataclasses.replace(config, run=dataclasses.replace(config.run, resume=str(path)))


def _read_curve(result: Result, directory: Path) -> Curve:
    metrics = json.loads((directory / METRICS_NAME).read_text(encoding="utf-8"))
    return Curve(
        step=result.step,
        iterations=metrics["iterations"],
        losses=metrics["val_losses"],
        final=result.final_val_loss,
    )


def _read_result(name: str, directory: Path) -> Result:
    metrics = json.loads((directory / METRICS_NAME).read_text(encoding="utf-8"))
    return Result(
        step=name,
        best_val_loss=metrics["best_val_loss"],
        final_val_loss=metrics["final_val_loss"],
        seconds=metrics["total_time"],
    )
