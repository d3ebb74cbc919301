"""The training loop: set the learning rate, evaluate when it is time, update, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from trainers.char_gpt.beginning import Beginning
from trainers.char_gpt.evaluator import Evaluator
from trainers.char_gpt.rank_state import gather_rank_states, restore_rank_state
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.run import build_run
from trainers.char_gpt.saving import Saver
from trainers.char_gpt.scaling import begin_schedule
from trainers.common.accumulation import gradient_exchange
from trainers.common.distributed import World
from trainers.common.metrics import RunningUtilisation, read_video_memory
from trainers.common.optimizers.adamw import set_learning_rate
from trainers.common.schedule import WarmupCosine
from trainers.common.signals import ShutdownFlag
from trainers.common.timing import SectionTimer

ITERATIONS_BETWEEN_TIMINGS = 5
"""Timings are reported every so many evaluation intervals."""


class Trainer:
    """One run in one process, and the loop that moves it on."""

    def __init__(
        self,
        beginning: Beginning,
        *,
        world: World,
        device: torch.device,
        reporter: Reporter | None,
        run_name: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Build everything that the run is made of; the torch generators are seeded already.

        Only the master has a ``reporter``. ``run_name`` is what trackers know the run by. ``clock`` returns seconds.
        """
        saved = beginning.take()
        self.config = beginning.config
        self.settings = beginning.settings
        self.world = world
        self.reporter = reporter
        self.clock = clock
        self.timer = SectionTimer(clock)
        self._run = build_run(beginning, saved=saved, world=world, device=device)
        self.progress, self.learner = self._run.progress, self._run.learner
        if saved is not None and "rank_states" in saved:
            # comes last, as everything before may draw random numbers
            restore_rank_state(saved["rank_states"], self._run.stream, world=world, device=device)
        schedule = begin_schedule(self.config, saved, is_master=world.is_master)
        self.utilisation = RunningUtilisation(flops_per_sequence=0, sequences_per_iteration=0)
        self.saver = None
        if reporter is not None:
            self.saver = Saver(self._run, schedule=schedule, reporter=reporter, run_name=run_name)
        self.evaluator = Evaluator(
            self._run, schedule=schedule, reporter=reporter, saver=self.saver, timer=self.timer, clock=clock
        )
        self.next_batch = self._run.stream.get_batch()
        """Always at hand, so that fetching overlaps with the work of the device."""

    def run(self, shutdown: ShutdownFlag) -> None:
        """Train iterations up to and including ``max_iters``, or until ``shutdown`` is requested."""
        with self._run.stream:
            self._iterate(shutdown)

    def _iterate(self, shutdown: ShutdownFlag) -> None:
        last_time = self.clock()
        local_iteration = 0
        while True:
            learning_rate = self._set_learning_rate()
            if self.progress.iteration % self.settings.eval_interval == 0:
                self._evaluate(learning_rate)
            if self.config.output.eval_only and self.progress.iteration == 0:
                return
            loss = self._update()
            now = self.clock()
            self._report(loss, learning_rate, local_iteration=local_iteration, seconds=now - last_time)
            last_time = now
            self.progress.iteration += 1
            local_iteration += 1
            if shutdown.requested:
                self._save_in_emergency()
                return
            if self.progress.iteration > self.config.optimisation.max_iters:
                return

    @property
    def schedule(self) -> WarmupCosine:
        """The schedule of the learning rate, as operations have left it."""
        optimisation = self.config.optimisation
        return WarmupCosine(
            peak=self.settings.learning_rate,
            floor=optimisation.min_lr,
            warmup_iterations=self.settings.warmup_iters,
            decay_end=optimisation.lr_decay_iters,
        )

    def _set_learning_rate(self) -> float:
        """Apply the schedule, which ``decay_lr`` does not switch off."""
        learning_rate = self.schedule(self.progress.effective_iteration)
        set_learning_rate(self.learner.optimizer, learning_rate)
        if self.reporter is not None and self._is_log_time():
            self.reporter.schedule(
                self.progress.iteration,
                effective_iteration=self.progress.effective_iteration,
                warmup=self.schedule.warmup_iterations,
                decay=self.schedule.decay_end,
                micro_steps=self._run.micro_steps,
                batch_size=self.settings.batch_size,
            )
        return learning_rate

    def _is_log_time(self) -> bool:
        return self.progress.iteration % self.config.output.log_interval == 0

    def _evaluate(self, learning_rate: float) -> None:
        # as they are before, because a resumed run does this evaluation again
        states = self._rank_states() if self.progress.iteration > 0 else []
        self.evaluator.evaluate(states, learning_rate=learning_rate, utilisation=self.utilisation)

    def _save_in_emergency(self) -> None:
        states = self._rank_states()
        if self.saver is not None:
            self.saver.save_in_emergency(states)

    def finish(self) -> None:
        """Wait for what runs beside the training."""
        self.evaluator.finish()

    def _rank_states(self) -> list[dict[str, Any]]:
        run = self._run
        return gather_rank_states(run.stream, unused=self.next_batch, world=self.world, device=run.device)

    def _update(self) -> torch.Tensor:
        """One optimizer step; returns the loss of the last micro-step, divided by their number."""
        micro_steps = self._run.micro_steps
        with self.timer.section("gradient_accumulation"):
            for micro_step in range(micro_steps):
                with gradient_exchange(self.learner.model, is_last=micro_step == micro_steps - 1):
                    loss = self._micro_step(micro_steps)
        self.learner.step(largest_norm=self.config.optimisation.grad_clip, timer=self.timer)
        return loss

    def _micro_step(self, micro_steps: int) -> torch.Tensor:
        """Forward and backward of one batch, which is replaced by the next one in between."""
        with self.timer.section("forward_pass"), self._run.precision.autocast():
            _, loss = self.learner.model(*self._run.remapped(self.next_batch))
            loss = loss / micro_steps
        with self.timer.section("data_loading"):
            self.next_batch = self._run.stream.get_batch()
        with self.timer.section("backward_pass"):
            self.learner.scaler.scale(loss).backward()
        scaled_down: torch.Tensor = loss
        return scaled_down

    def _report(self, loss: torch.Tensor, learning_rate: float, *, local_iteration: int, seconds: float) -> None:
        """Report an update; its loss is the one of the last micro-step, which costs nothing extra but is noisy."""
        self.timer.end_iteration()
        if self.reporter is None:
            return
        iteration = self.progress.iteration
        if self._is_log_time():
            self._measure_utilisation(local_iteration, seconds)
            self.reporter.iteration(
                iteration,
                loss=loss.item() * self._run.micro_steps,
                learning_rate=learning_rate,
                seconds=seconds,
                utilisation=self.utilisation.fraction,
                memory=read_video_memory(self._run.device),
            )
        if iteration > 0 and iteration % (ITERATIONS_BETWEEN_TIMINGS * self.settings.eval_interval) == 0:
            self.reporter.timing(self.timer.averages())

    def _measure_utilisation(self, local_iteration: int, seconds: float) -> None:
        """Take in one iteration of the model as operations have left it."""
        model = self.learner.bare_model
        self.utilisation.flops_per_sequence = model.flops_per_token() * model.architecture.block_size
        self.utilisation.sequences_per_iteration = self.settings.batch_size * self._run.micro_steps
        self.utilisation.add(local_iteration=local_iteration, seconds=seconds)
