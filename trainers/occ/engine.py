"""The training loop of the model with two heads: updates, logs, checkpoints and evaluations at their intervals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import distributed, nn
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from trainers.common.distributed import World
from trainers.common.progress import Progress
from trainers.occ.checkpoint import States
from trainers.occ.dataset import Item
from trainers.occ.evaluation import evaluate_mixer, to_device
from trainers.occ.files import append_row
from trainers.occ.losses import LossMixer
from trainers.occ.metrics import Mean
from trainers.occ.update import Updater


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens when; intervals are in steps."""

    total_steps: int
    log_interval: int
    evaluation_interval: int
    save_interval: int
    saves_at_end: bool
    directory: Path


@dataclass(kw_only=True)
class Timings:
    """Means of an epoch so far; times are in seconds per step."""

    loss: Mean
    step: Mean
    data: Mean


class Engine:
    """One run in one process; only the master prints, evaluates and saves."""

    def __init__(
        self,
        *,
        plan: Plan,
        states: States,
        updater: Updater,
        loss: LossMixer,
        training: DataLoader[Item],
        validation: DataLoader[Item],
        blocks: int,
        block_size: int,
        world: World,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Train ``updater.model``, perhaps wrapped; ``states.model`` is the bare one. ``clock`` returns seconds."""
        self.plan = plan
        self.states = states
        self.updater = updater
        self.loss = loss
        self.training = training
        self.validation = validation
        self.blocks = blocks
        self.block_size = block_size
        self.world = world
        self.clock = clock
        self.device = updater.device
        self.progress = Progress(start=0, total=plan.total_steps)

    def run(self, step: int) -> int:
        """Train from ``step`` on until ``total_steps`` are done, always in whole epochs; returns the last step.

        A run that resumed inside an epoch therefore does more steps than planned, with a learning rate of 0.
        """
        started = step
        self.progress = Progress(start=step, total=self.plan.total_steps)
        self._say(f"training for {self.plan.total_steps} steps of {self.training.batch_size} rows, from step {step}")
        while step < self.plan.total_steps:
            step = self._epoch(step)
        if self.plan.saves_at_end and step > started and step % self.plan.save_interval != 0:
            self._save(step)
        return step

    def _epoch(self, step: int) -> int:
        self.updater.model.train()
        if isinstance(self.training.sampler, DistributedSampler):
            self.training.sampler.set_epoch(step // len(self.training))
        means = Timings(loss=Mean(), step=Mean(), data=Mean())
        end = self.clock()
        for item in self.training:
            step += 1
            batch = to_device(item, self.device)
            means.data.add(self.clock() - end)
            means.loss.add(self.updater(partial(self._forward, batch)), len(batch["input_ids"]))
            means.step.add(self.clock() - end)
            end = self.clock()
            self._after_step(step, means)
        return step

    def _forward(self, batch: Item) -> torch.Tensor:
        targets = batch["targets_seq2seq"]
        logits, linear = self.updater.model(batch["input_ids"], batch["attention_mask"], targets[:, :-1])
        loss: torch.Tensor = self.loss(logits, linear, targets, batch["targets_linear"])
        return loss

    def _after_step(self, step: int, means: Timings) -> None:
        if self.world.is_master:
            self.progress.show(step, loss=means.loss.value)
        if step % self.plan.log_interval == 0:
            self._say(
                f"step {step}: train_loss {means.loss.value:.6f}, lr {self.updater.learning_rate:.3e}, "
                f"batch_time {means.step.value:.4f}s, batch_time_data {means.data.value:.4f}s"
            )
        if step % self.plan.save_interval == 0:
            self._save(step)
        if step % self.plan.evaluation_interval == 0:
            if self.world.is_master:
                self._evaluate(step, means)
            if self.world.size > 1:
                distributed.barrier()

    def _evaluate(self, step: int, means: Timings) -> None:
        """Evaluate all validation rows on this process, with the bare model, which does not talk to the others."""
        model: nn.Module = self.states.model
        found = evaluate_mixer(
            model,
            self.validation,
            loss=self.loss,
            blocks=self.blocks,
            block_size=self.block_size,
            device=self.device,
            autocast=self.updater.autocast,
        )
        row = {"step": step, "batch_time": means.step.value, "batch_time_data": means.data.value}
        rate = self.updater.learning_rate
        append_row(self.plan.directory, {**row, "train_loss": means.loss.value, **found, "lr": rate})
        self._say(
            f"step {step}: val_loss {found['val_loss']:.6f}, val_loss_linear {found['val_loss_linear']:.6f}, "
            f"val_loss_seq2seq {found['val_loss_seq2seq']:.6f}, seq_acc {found['seq_acc']:.2f}%, "
            f"token_acc {found['token_acc']:.2f}%, flat_acc {found['flat_acc']:.4f}"
        )
        model.train()

    def _save(self, step: int) -> None:
        if self.world.is_master:
            self.states.save(self.plan.directory, step)

    def _say(self, line: str) -> None:
        if self.world.is_master:
            self.progress.clear()
            print(line, flush=True)
