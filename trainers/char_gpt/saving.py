"""Saving a run: at evaluations, and when it is told to stop."""

from __future__ import annotations

from typing import Any

from trainers.char_gpt.checkpoint import checkpoint_content
from trainers.char_gpt.evaluation import Losses
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.run import Run
from trainers.char_gpt.scaling import ScalingSchedule
from trainers.common.checkpoint import save_atomically
from trainers.common.discovery import CHECKPOINT_NAME, emergency_name
from trainers.common.resume import mark_for_resume


class Saver:
    """Writes the checkpoints of one run; there is one on the master only."""

    def __init__(self, run: Run, *, schedule: ScalingSchedule, reporter: Reporter, run_name: str | None) -> None:
        """Save ``run`` and ``schedule`` as they are at the time."""
        self._run = run
        self._schedule = schedule
        self._reporter = reporter
        self._run_name = run_name

    def save_evaluated(self, losses: Losses, rank_states: list[dict[str, Any]]) -> None:
        """Save if ``losses`` are the best so far, or anyway if that is wanted, and mark the directory for a resume."""
        progress, output = self._run.progress, self._run.config.output
        is_better = bool(losses.validation < progress.best_validation_loss)
        if not is_better and not output.always_save_checkpoint:
            return
        progress.best_validation_loss = losses.validation
        self._save(CHECKPOINT_NAME, rank_states)
        if output.init_from == "scratch":
            mark_for_resume(self._run.config.out_dir, run_name=self._run_name)

    def save_in_emergency(self, rank_states: list[dict[str, Any]]) -> None:
        """Save before the run is left."""
        self._save(emergency_name(self._run.progress.iteration), rank_states, is_emergency=True)

    def _save(self, name: str, rank_states: list[dict[str, Any]], *, is_emergency: bool = False) -> None:
        config = self._run.config
        self._reporter.saving(name, out_dir=config.out_dir, is_emergency=is_emergency)
        content = checkpoint_content(
            self._run.learner,
            self._run.progress,
            config=config.remembered(),
            others={
                "set_by_operations": self._run.settings.changed,
                "final_wandb_run_name": self._run_name,
                "scaling_schedule": self._schedule.operations,
                "scaling_schedule_file": config.scaling.scaling_schedule_file,
                "rank_states": rank_states,
            },
        )
        if is_emergency:
            content["emergency_save"] = True
        save_atomically(content, config.out_dir / name)
