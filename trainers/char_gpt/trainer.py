"""The training loop: set the learning rate, evaluate when it is time, update, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from trainers.char_gpt.analyst import Analyst
from trainers.char_gpt.batches import ValidationBatches
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.evaluation import estimate_losses
from trainers.char_gpt.learner import Learner
from trainers.char_gpt.rank_state import gather_rank_states, restore_rank_state
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.saving import Saver
from trainers.char_gpt.scaling import Operations, restore_scaling_schedule_state, start_scaling_schedule
from trainers.char_gpt.start import data_vocabulary_size, start_run
from trainers.char_gpt.stream import open_remapping, open_stream
from trainers.common.accumulation import gradient_exchange, micro_steps_per_process
from trainers.common.data import Batch
from trainers.common.distributed import World
from trainers.common.metrics import RunningUtilisation, read_video_memory
from trainers.common.optimizers.adamw import set_learning_rate
from trainers.common.precision import Precision
from trainers.common.schedule import WarmupCosine
from trainers.common.signals import ShutdownFlag
from trainers.common.timing import SectionTimer

ITERATIONS_BETWEEN_TIMINGS = 5
"""Timings are reported every so many evaluation intervals."""


class Trainer:
    """One run in one process: everything it holds, and the loop that moves it on."""

    def __init__(
        self,
        config: CharGptConfig,
        *,
        world: World,
        device: torch.device,
        reporter: Reporter | None,
        saved: dict[str, Any] | None = None,
        run_name: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Build vocabulary, model, optimizer and batches, in this order; the torch generators are seeded already.

        Only the master has a ``reporter``. A resumed run gets what its checkpoint has ``saved``. ``run_name`` is what
        trackers know the run by. ``clock`` returns seconds.
        """
        self.config = config
        self.world = world
        self.device = device
        self.reporter = reporter
        self.clock = clock
        self.timer = SectionTimer(clock)
        self.precision = Precision(dtype=config.system.dtype, device_type=device.type)
        self.micro_steps = micro_steps_per_process(config.batch.gradient_accumulation_steps, world_size=world.size)
        self.remapping = open_remapping(config, world, device=device)
        """From the tokens of the data to those of the model; None, now or later, means that they are the same."""
        self._build_learner(saved)
        self._build_batches()
        self._fetch_first_batch(saved)
        optimisation = config.optimisation
        self.schedule = WarmupCosine(
            peak=optimisation.learning_rate,
            floor=optimisation.min_lr,
            warmup_iterations=optimisation.warmup_iters,
            decay_end=optimisation.lr_decay_iters,
        )
        self.analyst = Analyst(config.output.analysis, seed=config.system.seed) if world.is_master else None
        self.utilisation = RunningUtilisation(
            flops_per_sequence=self.bare_model.flops_per_token() * self.bare_model.architecture.block_size,
            sequences_per_iteration=config.batch.batch_size * self.micro_steps,
        )
        operations = self._read_operations(saved)
        self.saver: Saver | None = None
        if reporter is not None:
            self.saver = Saver(
                config,
                learner=self.learner,
                progress=self.progress,
                operations=operations,
                reporter=reporter,
                run_name=run_name,
            )

    def _build_learner(self, saved: dict[str, Any] | None) -> None:
        start = start_run(self.config, device=self.device, saved=saved)
        self.progress = start.progress
        self.learner = Learner(
            start.model, config=self.config, precision=self.precision, world=self.world, device=self.device
        )
        if saved is not None:
            transfer = self.learner.restore(saved)
            if self.world.is_master and start.report is not None:
                print(*start.report.lines(), transfer.line(), sep="\n")
        self.learner.wrap()
        self.bare_model = self.learner.bare_model

    def _build_batches(self) -> None:
        batch = self.config.batch
        self.train_batches = open_stream(
            self.config, self.world, vocabulary_size=self._data_vocabulary_size(), device=self.device
        )
        self.validation_batches = ValidationBatches(
            self.config.data_dir / "val.bin",
            batch_size=batch.batch_size,
            block_size=batch.block_size,
            device=self.device,
        )

    def _read_operations(self, saved: dict[str, Any] | None) -> Operations:
        file, is_master = self.config.optimisation.scaling_schedule_file, self.world.is_master
        if saved is None:
            return start_scaling_schedule(file, is_master=is_master)
        return restore_scaling_schedule_state(file, saved, is_master=is_master)

    def _fetch_first_batch(self, saved: dict[str, Any] | None) -> None:
        """Set the generators to where they were saved, which comes last: everything before may draw from them."""
        if saved is not None and "rank_states" in saved:
            restore_rank_state(saved["rank_states"], self.train_batches, world=self.world)
        self.tokens_before = self.train_batches.total_tokens_served
        """By earlier runs."""
        self.start_time = self.clock()
        self.next_batch = self.train_batches.get_batch()
        """Always at hand, so that fetching overlaps with the work of the device."""

    def _data_vocabulary_size(self) -> int:
        if self.remapping is not None:
            return self.remapping.data_vocabulary_size
        return data_vocabulary_size(self.config) or self.bare_model.architecture.vocab_size

    def run(self, shutdown: ShutdownFlag) -> None:
        """Train iterations up to and including ``max_iters``, or until ``shutdown`` is requested."""
        with self.train_batches:
            self._run(shutdown)

    def _run(self, shutdown: ShutdownFlag) -> None:
        last_time = self.start_time
        local_iteration = 0
        while True:
            learning_rate = self._set_learning_rate()
            if self.progress.iteration % self.config.output.eval_interval == 0:
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
                states = self._rank_states()
                if self.saver is not None:
                    self.saver.save_in_emergency(states)
                return
            if self.progress.iteration > self.config.optimisation.max_iters:
                return

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
                micro_steps=self.micro_steps,
                batch_size=self.config.batch.batch_size,
            )
        return learning_rate

    def _is_log_time(self) -> bool:
        return self.progress.iteration % self.config.output.log_interval == 0

    def _evaluate(self, learning_rate: float) -> None:
        """Estimate both losses, on all processes; the master reports its own and saves."""
        # as they are before, because a resumed run does this evaluation again
        states = self._rank_states() if self.progress.iteration > 0 else []
        with self.timer.section("evaluation"):
            losses = estimate_losses(
                self.learner.model,
                next_train_batch=self.train_batches.get_batch,
                next_validation_batch=self.validation_batches.get_batch,
                batches_per_split=self.config.output.eval_iters,
                precision=self.precision,
                remapping=self.remapping,
            )
        if self.reporter is None or self.saver is None:
            return
        elapsed = self.clock() - self.start_time
        tokens = self.train_batches.total_tokens_served - self.tokens_before
        self.reporter.evaluation(
            self.progress.iteration,
            losses,
            learning_rate=learning_rate,
            tokens_per_second=tokens / elapsed if elapsed > 0 else 0.0,
        )
        self.reporter.track(
            self.progress.iteration,
            losses,
            learning_rate=learning_rate,
            utilisation=self.utilisation.fraction,
            memory=read_video_memory(self.device),
            seconds_by_section=self.timer.averages(),
        )
        self._analyse()
        if self.progress.iteration > 0:
            self.saver.save_evaluated(losses, states)

    def _analyse(self) -> None:
        assert self.reporter is not None, "the master reports"
        assert self.analyst is not None, "the master analyses"
        self.analyst.dispatch(
            self.bare_model, iteration=self.progress.iteration, draw=self._draw_ids, tokens=self._frequent_tokens
        )
        for found in self.analyst.collect():
            self.reporter.analysis(self.progress.iteration, found)

    def _draw_ids(self, generator: torch.Generator) -> torch.Tensor:
        """Draw validation inputs for an analysis, in the vocabulary of the model."""
        ids = self.validation_batches.draw(generator)
        return ids if self.remapping is None else self.remapping.tokens(ids)

    def _frequent_tokens(self) -> torch.Tensor:
        """List the tokens that an analysis compares, in the vocabulary of the model."""
        tokens = self.train_batches.get_non_outlier_tokens(self.config.output.ignored_outlayers_sum)
        return tokens if self.remapping is None else torch.unique(self.remapping.tokens(tokens))

    def finish(self) -> None:
        """Wait for the last analysis, and report it."""
        if self.reporter is not None and self.analyst is not None:
            for found in self.analyst.finish():
                self.reporter.analysis(self.progress.iteration, found)

    def _rank_states(self) -> list[dict[str, Any]]:
        return gather_rank_states(self.train_batches, unused=self.next_batch, world=self.world)

    def _update(self) -> torch.Tensor:
        """One optimizer step; returns the loss of the last micro-step, divided by their number."""
        with self.timer.section("gradient_accumulation"):
            for micro_step in range(self.micro_steps):
                with gradient_exchange(self.learner.model, is_last=micro_step == self.micro_steps - 1):
                    loss = self._micro_step()
        self.learner.step(largest_norm=self.config.optimisation.grad_clip, timer=self.timer)
        return loss

    def _micro_step(self) -> torch.Tensor:
        """Forward and backward of one batch, which is replaced by the next one in between."""
        with self.timer.section("forward_pass"), self.precision.autocast():
            _, loss = self.learner.model(*self._remapped(self.next_batch))
            loss = loss / self.micro_steps
        with self.timer.section("data_loading"):
            self.next_batch = self.train_batches.get_batch()
        with self.timer.section("backward_pass"):
            self.learner.scaler.scale(loss).backward()
        scaled_down: torch.Tensor = loss
        return scaled_down

    def _remapped(self, batch: Batch) -> Batch:
        """Return a batch in the vocabulary of the model."""
        return batch if self.remapping is None else self.remapping(batch)

    def _report(self, loss: torch.Tensor, learning_rate: float, *, local_iteration: int, seconds: float) -> None:
        """Report an update; its loss is the one of the last micro-step, which costs nothing extra but is noisy."""
        self.timer.end_iteration()
        if self.reporter is None:
            return
        iteration = self.progress.iteration
        if self._is_log_time():
            self.utilisation.add(local_iteration=local_iteration, seconds=seconds)
            self.reporter.iteration(
                iteration,
                loss=loss.item() * self.micro_steps,
                learning_rate=learning_rate,
                seconds=seconds,
                utilisation=self.utilisation.fraction,
                memory=read_video_memory(self.device),
            )
        if iteration > 0 and iteration % (ITERATIONS_BETWEEN_TIMINGS * self.config.output.eval_interval) == 0:
            self.reporter.timing(self.timer.averages())
