"""An evaluation: estimate the losses, tell them, look inside the network, save, and do what it is time for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from trainers.char_gpt.analyst import Analyst
from trainers.char_gpt.evaluation import Losses, estimate_losses
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.run import Run
from trainers.char_gpt.saving import Saver
from trainers.char_gpt.scaling import ScalingSchedule
from trainers.char_gpt.scheduler import OperationScheduler
from trainers.common.metrics import RunningUtilisation, read_video_memory
from trainers.common.timing import SectionTimer


class Evaluator:
    """Evaluates one run; there is one in every process, and all have to evaluate together."""

    def __init__(
        self,
        run: Run,
        *,
        schedule: ScalingSchedule,
        reporter: Reporter | None,
        saver: Saver | None,
        timer: SectionTimer,
        clock: Callable[[], float],
    ) -> None:
        """Begin to measure the throughput; only the master has a ``reporter`` and a ``saver``."""
        self._run = run
        self._reporter = reporter
        self._saver = saver
        self._timer = timer
        self._clock = clock
        self._start_time = clock()
        self._tokens_before = run.stream.total_tokens_served
        self._scheduler = OperationScheduler(schedule, run, estimate=self.estimate, reporter=reporter)
        if reporter is not None:
            reporter.beginning(self._scheduler.outlook())
        seed = run.config.system.seed
        self._analyst = None if reporter is None else Analyst(run.config.output.analysis, seed=seed)

    def evaluate(
        self, rank_states: list[dict[str, Any]], *, learning_rate: float, utilisation: RunningUtilisation
    ) -> None:
        """Evaluate; what is saved goes with ``rank_states``."""
        with self._timer.section("evaluation"):
            losses = self.estimate()
        self._report(losses, learning_rate=learning_rate, utilisation=utilisation)
        self._analyse()
        if self._saver is not None and self._run.progress.iteration > 0:
            self._saver.save_evaluated(losses, rank_states)
        self._scheduler.run(losses)

    def estimate(self) -> Losses:
        """Estimate both losses as everything is now."""
        run = self._run
        return estimate_losses(
            run.learner.model,
            next_train_batch=run.stream.get_batch,
            next_validation_batch=lambda: run.validation.get_batch(run.settings.batch_size),
            batches_per_split=run.settings.eval_iters,
            precision=run.precision,
            remapping=run.remapping,
        )

    def finish(self) -> None:
        """Wait for the last analysis, and report it."""
        if self._reporter is not None and self._analyst is not None:
            for found in self._analyst.finish():
                self._reporter.analysis(self._run.progress.iteration, found)

    def _report(self, losses: Losses, *, learning_rate: float, utilisation: RunningUtilisation) -> None:
        if self._reporter is None:
            return
        iteration, elapsed = self._run.progress.iteration, self._clock() - self._start_time
        tokens = self._run.stream.total_tokens_served - self._tokens_before
        tokens_per_second = tokens / elapsed if elapsed > 0 else 0.0
        self._reporter.evaluation(iteration, losses, learning_rate=learning_rate, tokens_per_second=tokens_per_second)
        self._reporter.track(
            iteration,
            losses,
            learning_rate=learning_rate,
            utilisation=utilisation.fraction,
            memory=read_video_memory(self._run.device),
            seconds_by_section=self._timer.averages(),
        )

    def _analyse(self) -> None:
        if self._reporter is None or self._analyst is None:
            return
        iteration = self._run.progress.iteration
        model = self._run.learner.bare_model
        self._analyst.dispatch(model, iteration=iteration, draw=self._draw_ids, tokens=self._frequent_tokens)
        for found in self._analyst.collect():
            self._reporter.analysis(iteration, found)

    def _draw_ids(self, generator: torch.Generator) -> torch.Tensor:
        """Draw validation inputs for an analysis, in the vocabulary of the model."""
        ids = self._run.validation.draw(self._run.settings.batch_size, generator)
        return ids if self._run.remapping is None else self._run.remapping.tokens(ids)

    def _frequent_tokens(self) -> torch.Tensor:
        """List the tokens that an analysis compares, in the vocabulary of the model."""
        tokens = self._run.stream.get_non_outlier_tokens(self._run.config.output.ignored_outlayers_sum)
        remapping = self._run.remapping
        if remapping is None or not remapping.is_active:
            return tokens
        unique: torch.Tensor = torch.unique(remapping.tokens(tokens))
        return unique
