"""The training loop of the model with a linear head: an evaluation and a checkpoint after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from trainers.common.progress import Progress
from trainers.occ.checkpoint import States
from trainers.occ.dataset import Item
from trainers.occ.evaluation import evaluate_classifier, to_device
from trainers.occ.files import append_row
from trainers.occ.metrics import Mean
from trainers.occ.update import Updater


class ClassifierEngine:
    """One run in one process."""

    def __init__(
        self,
        *,
        states: States,
        updater: Updater,
        training: DataLoader[Item],
        validation: DataLoader[Item],
        total_steps: int,
        directory: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Save to ``directory``; ``clock`` returns seconds."""
        self.states = states
        self.updater = updater
        self.training = training
        self.validation = validation
        self.total_steps = total_steps
        self.directory = directory
        self.clock = clock
        self.loss = nn.BCEWithLogitsLoss()

    def run(self, step: int) -> int:
        """Train from ``step`` on until ``total_steps`` are done, always in whole epochs; returns the last step."""
        progress = Progress(start=step, total=self.total_steps)
        while step < self.total_steps:
            begin = self.clock()
            mean = Mean()
            self.updater.model.train()
            for item in self.training:
                step += 1
                batch = to_device(item, self.updater.device)
                mean.add(self.updater(partial(self._forward, batch)), len(batch["input_ids"]))
                progress.show(step, loss=mean.value)
            progress.clear()
            self._end_epoch(step, mean.value, begin)
        return step

    def _forward(self, batch: Item) -> torch.Tensor:
        loss: torch.Tensor = self.loss(
            self.updater.model(batch["input_ids"], batch["attention_mask"]), batch["targets_linear"]
        )
        return loss

    def _end_epoch(self, step: int, train_loss: float, begin: float) -> None:
        val_loss, flat_acc = evaluate_classifier(
            self.updater.model, self.validation, loss=self.loss, device=self.updater.device
        )
        rate = self.updater.learning_rate
        print(
            f"step {step}: train_loss {train_loss:.6f}, val_loss {val_loss:.6f}, flat_acc {flat_acc:.4f}, "
            f"lr {rate:.3e}, epoch_time {self.clock() - begin:.4f}s",
            flush=True,
        )
        row = {"step": step, "train_loss": train_loss, "val_loss": val_loss, "flat_acc": flat_acc, "lr": rate}
        append_row(self.directory, row)
        self.states.save(self.directory, step)
