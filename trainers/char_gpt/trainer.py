"""The training loop: set the learning rate, evaluate when it is time, update, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from trainers.char_gpt.analyst import Analyst
from trainers.char_gpt.batches import BatchManager, ValidationBatches
from trainers.char_gpt.checkpoint import checkpoint_content
from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.evaluation import Losses, estimate_losses
from trainers.char_gpt.rank_state import gather_rank_states, restore_rank_state
from trainers.char_gpt.reporting import Reporter
from trainers.char_gpt.scaling import restore_scaling_schedule_state, start_scaling_schedule
from trainers.char_gpt.start import Start, start_run
from trainers.common.accumulation import gradient_exchange, micro_steps_per_process
from trainers.common.checkpoint import save_atomically
from trainers.common.discovery import CHECKPOINT_NAME, emergency_name
from trainers.common.distributed import World, distribute
from trainers.common.metrics import RunningUtilisation, read_video_memory
from trainers.common.optimizers.adamw import build_adamw, set_learning_rate
from trainers.common.optimizers.transfer import transfer_optimizer_state
from trainers.common.precision import Precision
from trainers.common.resume import mark_for_resume
from trainers.common.schedule import WarmupCosine
from trainers.common.seeding import private_generator
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
        """Build model, optimizer and batches, in this order; the torch generators are seeded already.

        Only the master has a ``reporter``. A resumed run gets what its checkpoint has ``saved``. ``run_name`` is what
        trackers know the run by. ``clock`` returns seconds.
        """
        self.config = config
        self.world = world
        self.device = device
        self.reporter = reporter
        self.run_name = run_name
        self.clock = clock
        self.timer = SectionTimer(clock)
        self.precision = Precision(dtype=config.system.dtype, device_type=device.type)
        self.micro_steps = micro_steps_per_process(config.batch.gradient_accumulation_steps, world_size=world.size)
        self._build_model_and_optimizer(saved)
        self._build_batches()
        self._fetch_first_batch(saved)
        file, is_master = config.optimisation.scaling_schedule_file, world.is_master
        self.scaling_schedule = (
            start_scaling_schedule(file, is_master=is_master)
            if saved is None
            else restore_scaling_schedule_state(file, saved, is_master=is_master)
        )
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

    def _build_model_and_optimizer(self, saved: dict[str, Any] | None) -> None:
        start = start_run(self.config, device=self.device, saved=saved)
        self.bare_model = start.model
        """The model without wrappers, which is what checkpoints hold."""
        self.iteration = start.iteration
        self.best_validation_loss = start.best_validation_loss
        self.iteration_of_last_operation = start.iteration_of_last_operation
        self.learning_rate_offset = start.learning_rate_offset
        optimisation = self.config.optimisation
        self.scaler = self.precision.gradient_scaler()
        self.optimizer = build_adamw(
            self.bare_model,
            learning_rate=optimisation.learning_rate,
            betas=(optimisation.beta1, optimisation.beta2),
            weight_decay=optimisation.weight_decay,
            device_type=self.device.type,
        )
        if saved is not None:
            self._restore_optimizer(saved, start)
        model: nn.Module = self.bare_model
        if self.config.system.compile:
            # a compiled module is a module, although the signature promises a callable only
            model = cast(nn.Module, torch.compile(model))
        self.model = distribute(model, self.world, device=self.device)

    def _restore_optimizer(self, saved: dict[str, Any], start: Start) -> None:
        transfer = transfer_optimizer_state(
            self.optimizer, self.bare_model, saved["optimizer"], saved.get("param_names", {})
        )
        if saved.get("scaler"):
            self.scaler.load_state_dict(saved["scaler"])
        if self.world.is_master and start.report is not None:
            print(*start.report.lines(), transfer.line(), sep="\n")

    def _build_batches(self) -> None:
        batch = self.config.batch
        self.train_batches = BatchManager(
            [self.config.data_dir / name for name in self.config.shards],
            batch_size=batch.batch_size,
            block_size=batch.block_size,
            device=self.device,
            generator=private_generator(self.config.data.data_seed, rank=self.world.rank),
        )
        self.validation_batches = ValidationBatches(
            self.config.data_dir / "val.bin",
            batch_size=batch.batch_size,
            block_size=batch.block_size,
            device=self.device,
        )

    def _fetch_first_batch(self, saved: dict[str, Any] | None) -> None:
        """Set the generators to where they were saved, which comes last: everything before may draw from them."""
        if saved is not None and "rank_states" in saved:
            restore_rank_state(saved["rank_states"], self.train_batches, world=self.world)
        self.tokens_before = self.train_batches.total_tokens_served
        """By earlier runs."""
        self.start_time = self.clock()
        self.next_batch = self.train_batches.get_batch()
        """Always at hand, so that fetching overlaps with the work of the device."""

    def run(self, shutdown: ShutdownFlag) -> None:
        """Train iterations up to and including ``max_iters``, or until ``shutdown`` is requested."""
        last_time = self.start_time
        local_iteration = 0
        while True:
            learning_rate = self._set_learning_rate()
            if self.iteration % self.config.output.eval_interval == 0:
                self._evaluate(learning_rate)
            if self.config.output.eval_only and self.iteration == 0:
                return
            loss = self._update()
            now = self.clock()
            self._report(loss, learning_rate, local_iteration=local_iteration, seconds=now - last_time)
            last_time = now
            self.iteration += 1
            local_iteration += 1
            if shutdown.requested:
                self._save(emergency_name(self.iteration), self._rank_states(), is_emergency=True)
                return
            if self.iteration > self.config.optimisation.max_iters:
                return

    @property
    def effective_iteration(self) -> int:
        """Where the schedule of the learning rate stands."""
        return self.iteration - self.learning_rate_offset

    def _set_learning_rate(self) -> float:
        """Apply the schedule, which ``decay_lr`` does not switch off."""
        learning_rate = self.schedule(self.effective_iteration)
        set_learning_rate(self.optimizer, learning_rate)
        if self.reporter is not None and self._is_log_time():
            self.reporter.schedule(
                self.iteration,
                effective_iteration=self.effective_iteration,
                warmup=self.schedule.warmup_iterations,
                decay=self.schedule.decay_end,
                micro_steps=self.micro_steps,
                batch_size=self.config.batch.batch_size,
            )
        return learning_rate

    def _is_log_time(self) -> bool:
        return self.iteration % self.config.output.log_interval == 0

    def _evaluate(self, learning_rate: float) -> None:
        """Estimate both losses, on all processes; the master reports its own and saves."""
        # as they are before, because a resumed run does this evaluation again
        states = self._rank_states() if self.iteration > 0 else []
        with self.timer.section("evaluation"):
            losses = estimate_losses(
                self.model,
                next_train_batch=self.train_batches.get_batch,
                next_validation_batch=self.validation_batches.get_batch,
                batches_per_split=self.config.output.eval_iters,
                precision=self.precision,
            )
        if self.reporter is None:
            return
        elapsed = self.clock() - self.start_time
        tokens = self.train_batches.total_tokens_served - self.tokens_before
        tokens_per_second = tokens / elapsed if elapsed > 0 else 0.0
        self.reporter.evaluation(
            self.iteration, losses, learning_rate=learning_rate, tokens_per_second=tokens_per_second
        )
        self.reporter.track(
            self.iteration,
            losses,
            learning_rate=learning_rate,
            utilisation=self.utilisation.fraction,
            memory=read_video_memory(self.device),
            seconds_by_section=self.timer.averages(),
        )
        self._analyse()
        if self.iteration > 0:
            self._save_if_wanted(losses, states)

    def _analyse(self) -> None:
        assert self.reporter is not None, "the master reports"
        assert self.analyst is not None, "the master analyses"
        self.analyst.dispatch(self.bare_model, iteration=self.iteration, draw=self.validation_batches.draw)
        for found in self.analyst.collect():
            self.reporter.analysis(self.iteration, found)

    def finish(self) -> None:
        """Wait for the last analysis, and report it."""
        if self.reporter is not None and self.analyst is not None:
            for found in self.analyst.finish():
                self.reporter.analysis(self.iteration, found)

    def _rank_states(self) -> list[dict[str, Any]]:
        return gather_rank_states(self.train_batches, unused=self.next_batch, world=self.world)

    def _save_if_wanted(self, losses: Losses, rank_states: list[dict[str, Any]]) -> None:
        is_better = bool(losses.validation < self.best_validation_loss)
        if not is_better and not self.config.output.always_save_checkpoint:
            return
        self.best_validation_loss = losses.validation
        self._save(CHECKPOINT_NAME, rank_states)
        if self.config.output.init_from == "scratch":
            mark_for_resume(self.config.out_dir, run_name=self.run_name)

    def _save(self, name: str, rank_states: list[dict[str, Any]], *, is_emergency: bool = False) -> None:
        if self.reporter is None:
            return
        self.reporter.saving(name, out_dir=self.config.out_dir, is_emergency=is_emergency)
        content = checkpoint_content(
            model=self.bare_model,
            optimizer=self.optimizer,
            iteration=self.iteration,
            best_validation_loss=self.best_validation_loss,
            config=self.config.remembered(),
            others={
                "final_wandb_run_name": self.run_name,
                "iter_of_last_op": self.iteration_of_last_operation,
                "lr_schedule_offset": self.learning_rate_offset,
                "scaling_schedule": self.scaling_schedule,
                "scaling_schedule_file": self.config.optimisation.scaling_schedule_file,
                "scaler": self.scaler.state_dict(),
                "rank_states": rank_states,
            },
        )
        if is_emergency:
            content["emergency_save"] = True
        save_atomically(content, self.config.out_dir / name)

    def _update(self) -> torch.Tensor:
        """One optimizer step; returns the loss of the last micro-step, divided by their number."""
        with self.timer.section("gradient_accumulation"):
            for micro_step in range(self.micro_steps):
                with gradient_exchange(self.model, is_last=micro_step == self.micro_steps - 1):
                    loss = self._micro_step()
        with self.timer.section("gradient_clipping"):
            if self.config.optimisation.grad_clip != 0.0:
                self.scaler.unscale_(self.optimizer)
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimisation.grad_clip)
        with self.timer.section("optimizer_step"):
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _micro_step(self) -> torch.Tensor:
        """Forward and backward of one batch, which is replaced by the next one in between."""
        with self.timer.section("forward_pass"), self.precision.autocast():
            _, loss = self.model(*self.next_batch)
            loss = loss / self.micro_steps
        with self.timer.section("data_loading"):
            self.next_batch = self.train_batches.get_batch()
        with self.timer.section("backward_pass"):
            self.scaler.scale(loss).backward()
        scaled_down: torch.Tensor = loss
        return scaled_down

    def _report(self, loss: torch.Tensor, learning_rate: float, *, local_iteration: int, seconds: float) -> None:
        """Report an update; its loss is the one of the last micro-step, which costs nothing extra but is noisy."""
        self.timer.end_iteration()
        if self.reporter is None:
            return
        if self._is_log_time():
            self.utilisation.add(local_iteration=local_iteration, seconds=seconds)
            self.reporter.iteration(
                self.iteration,
                loss=loss.item() * self.micro_steps,
                learning_rate=learning_rate,
                seconds=seconds,
                utilisation=self.utilisation.fraction,
                memory=read_video_memory(self.device),
            )
        if self.iteration > 0 and self.iteration % (ITERATIONS_BETWEEN_TIMINGS * self.config.output.eval_interval) == 0:
            self.reporter.timing(self.timer.averages())
