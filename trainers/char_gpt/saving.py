"""Saving a run: at evaluations, and when it is told to stop."""

from __future__ import annotations

from typing import Any

from trainers.char_gpt.checkpoint import checkpoint_content
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.evaluation import Losses
from trainers.char_gpt.learner import Learner
from trainers.char_gpt.progress import Progress
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.scaling import Operations
from trainers.common.checkpoint import save_atomically
from trainers.common.discovery import CHECKPOINT_NAME, emergency_name
from trainers.common.resume import mark_for_resume


class Saver:
    """Writes the checkpoints of one run; there is one on the master only."""

    def __init__(
        self,
        config: CharGptConfig,
        *,
        learner: Learner,
        progress: Progress,
        operations: Operations,
        reporter: Reporter,
        run_name: str | None,
    ) -> None:
        """Save ``learner``, ``progress`` and ``operations`` as they are at the time, under ``config.out_dir``."""
        self._config = config
        self._learner = learner
        self._progress = progress
        self._operations = operations
        self._reporter = reporter
        self._run_name = run_name

    def save_evaluated(self, losses: Losses, rank_states: list[dict[str, Any]]) -> None:
        """Save if ``losses`` are the best so far, or anyway if that is wanted, and mark the directory for a resume."""
        is_better = bool(losses.validation < self._progress.best_validation_loss)
        if not is_better and not self._config.output.always_save_checkpoint:
            return
        self._progress.best_validation_loss = losses.validation
        self._save(CHECKPOINT_NAME, rank_states)
        if self._config.output.init_from == "scratch":
            mark_for_resume(self._config.out_dir, run_name=self._run_name)

    def save_in_emergency(self, rank_states: list[dict[str, Any]]) -> None:
        """Save before the run is left."""
        self._save(emergency_name(self._progress.iteration), rank_states, is_emergency=True)

    def _save(self, name: str, rank_states: list[dict[str, Any]], *, is_emergency: bool = False) -> None:
        self._reporter.saving(name, out_dir=self._config.out_dir, is_emergency=is_emergency)
        content = checkpoint_content(
            self._learner,
            self._progress,
            config=self._config.remembered(),
            others={
                "final_wandb_run_name": self._run_name,
                "scaling_schedule": self._operations,
                "scaling_schedule_file": self._config.optimisation.scaling_schedule_file,
                "rank_states": rank_states,
            },
        )
        if is_emergency:
            content["emergency_save"] = True
        save_atomically(content, self._config.out_dir / name)
