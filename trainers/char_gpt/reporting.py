"""The lines that a run prints and the statistics file; only the master process reports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trainers.char_gpt.analysis import Analysis
from trainers.char_gpt.evaluation import Losses
from trainers.common.metrics import VideoMemory
from trainers.common.run_log import RunLog
from trainers.common.tracking import Tracking

STATISTICS_NAME = "mfu_stats.txt"
STATISTICS_HEADER = "iter,loss,lr,time_ms,mfu_percent,vram_used_gb,vram_total_gb,vram_percent\n"


class Reporter:
    """Prints what happens; scripts read these lines, so their templates are an interface."""

    def __init__(self, log: RunLog, tracking: Tracking, *, out_dir: Path, is_new_run: bool) -> None:
        """Report to ``log``, to trackers, and to the statistics file in ``out_dir``, which a new run starts afresh."""
        self._log = log
        self._tracking = tracking
        self._statistics = out_dir / STATISTICS_NAME
        if is_new_run or not self._statistics.exists():
            self._statistics.write_text(STATISTICS_HEADER, encoding="utf-8")

    def schedule(
        self, iteration: int, *, effective_iteration: int, warmup: int, decay: int, micro_steps: int, batch_size: int
    ) -> None:
        """Say what the learning rate and the size of the update depend on."""
        print(
            f"lr schedule: iter {iteration}, effective_it {effective_iteration}, warmup {warmup}, decay {decay}, "
            f"accum {micro_steps}, batch {batch_size}"
        )

    def beginning(self, lines: Iterable[str]) -> None:
        """Say what the run runs on, and how it differs from the one that it resumes."""
        for line in lines:
            self._log.event(line)

    def evaluation(self, iteration: int, losses: Losses, *, learning_rate: float, tokens_per_second: float) -> None:
        """Give the losses of both splits: one line with the learning rate, and one without, which is also logged."""
        found = f"step {iteration}: {_describe(losses)}"
        print(f"{found}, lr: {learning_rate:.4f}, tokens/sec {tokens_per_second:.0f}")
        self._log.event(f"{found}, tokens/sec {tokens_per_second:.0f}")
        if losses.core_accuracy is not None:
            self._log.event(f"step {iteration}: val core accuracy {losses.core_accuracy:.4f}")

    def iteration(
        self,
        iteration: int,
        *,
        loss: float,
        learning_rate: float,
        seconds: float,
        utilisation: float,
        memory: VideoMemory,
    ) -> None:
        """Give one update: a printed line and a row of statistics; ``utilisation`` is a fraction."""
        milliseconds, percent = 1000 * seconds, 100 * utilisation
        print(
            f"iter {iteration}: loss {loss:.4f}, lr {learning_rate:.5f}, time {milliseconds:.2f}ms, "
            f"mfu {percent:.2f}%, VRAM {memory.used_gigabytes:.0f}/{memory.total_gigabytes:.0f}GB "
            f"({memory.percent:.0f}%)"
        )
        with self._statistics.open("a", encoding="utf-8") as file:
            file.write(
                f"{iteration},{loss:.6f},{learning_rate:.6e},{milliseconds:.2f},{percent:.4f},"
                f"{memory.used_gigabytes:.2f},{memory.total_gigabytes:.2f},{memory.percent:.2f}\n"
            )

    def track(
        self,
        iteration: int,
        losses: Losses,
        *,
        learning_rate: float,
        utilisation: float,
        memory: VideoMemory,
        seconds_by_section: dict[str, float],
    ) -> None:
        """Tell the trackers about an evaluation; times in milliseconds, ``utilisation`` is a fraction."""
        values = {
            "iter": iteration,
            "train/loss": losses.train.item(),
            "val/loss": losses.validation.item(),
            "lr": learning_rate,
            "mfu": 100 * utilisation,
            "vram/used_gb": memory.used_gigabytes,
            "vram/total_gb": memory.total_gigabytes,
            "vram/percent": memory.percent,
        }
        if losses.core_accuracy is not None:
            values["val_core_acc"] = losses.core_accuracy
        values |= {f"time/{section}_ms": seconds * 1000 for section, seconds in seconds_by_section.items()}
        self._tracking.log(values, step=iteration)

    def analysis(self, iteration: int, found: Analysis) -> None:
        """Give the results of an analysis, which may be older than ``iteration``, the one at hand."""
        for line in found.lines():
            self._log.event(line)
        self._tracking.log(found.metrics(), step=iteration)

    def operation(self, name: str, line: str) -> None:
        """Say what happens in an operation."""
        self._log.event(f"operation {name}: {line}")

    def restructuring(self, lines: Iterable[str], *, architecture: str) -> None:
        """Say what became of the state of the optimizer, and which shape the network has now."""
        for line in lines:
            print(line)
        self._log.event(f"architecture: {architecture}")

    def reevaluation(self, name: str, losses: Losses) -> None:
        """Give the losses after an operation."""
        self._log.event(f"operation {name}: reevaluated: {_describe(losses)}")

    def timing(self, seconds_by_section: dict[str, float]) -> None:
        """Say where the time of an iteration goes."""
        for section, seconds in seconds_by_section.items():
            self._log.event(f"timing {section}: {seconds * 1000:.2f}ms")

    def saving(self, name: str, *, out_dir: Path, is_emergency: bool) -> None:
        """Announce that a checkpoint is about to be written."""
        print(f"shutdown requested, saving {name} to {out_dir}" if is_emergency else f"saving checkpoint to {out_dir}")


def _describe(losses: Losses) -> str:
    return f"train loss {losses.train:.4f}, val loss {losses.validation:.4f}"
