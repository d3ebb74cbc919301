"""GPT-2 with replaced parts: one step of the ablation, evaluated before the update."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainers.common.distributed import World
from trainers.common.precision import Precision
from trainers.gpt2.activation import (
    Alarm,
    CalmLoss,
    Delay,
    gate_statistics,
    put_to_sleep,
    reciprocal_gates,
    wake_up,
)
from trainers.gpt2.base import BaseGPT2Trainer
from trainers.gpt2.checkpoint import BEST_NAME, FINAL_NAME
from trainers.gpt2.evaluation import mean_loss
from trainers.gpt2.model import GPT2
from trainers.gpt2.precision import UnscaledPrecision
from trainers.gpt2.reciprocal_config import UnifiedRAConfig
from trainers.gpt2.steps import apply_step

METRICS_NAME = "metrics.json"


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Mean losses in nats per token."""

    train: float
    validation: float

    @property
    def perplexity(self) -> float:
        """Exp of the validation loss, without a limit."""
        return float(np.exp(self.validation))

    def __str__(self) -> str:
        return f"train loss {self.train:.4f}, val loss {self.validation:.4f}, ppl {self.perplexity:.2f}"


class UnifiedRATrainer(BaseGPT2Trainer):
    """The order of an update: sleeping parts wake up; evaluation; gradients are masked, conditioned, clipped; step."""

    config: UnifiedRAConfig

    def __init__(
        self, config: UnifiedRAConfig, *, world: World, device: torch.device, clock: Callable[[], float] = time.time
    ) -> None:
        """Build everything, see the base class."""
        self.is_awake = True
        self.alarm = _alarm(config)
        super().__init__(config, world=world, device=device, clock=clock)
        self._last_log = self.start_time

    def choose_precision(self) -> Precision:
        """Compute in the dtype of the configuration wherever that is."""
        return UnscaledPrecision(dtype=self.config.system.dtype, device_type=self.device.type)

    @property
    def label(self) -> str:
        """Return the step."""
        return self.config.reciprocal.ra_step

    def modify_model(self, model: GPT2) -> None:
        """Replace the parts of the step, and put them to sleep where they are woken later."""
        apply_step(model, self.config.step)
        if self.alarm is not None:
            self.is_awake = False
            put_to_sleep(reciprocal_gates(model))

    def before_update(self, learning_rate: float) -> None:  # noqa: ARG002
        """Wake the sleeping parts when it is time, and evaluate when that is due."""
        if self.alarm is not None and self.alarm.rings(self.iteration):
            self.is_awake = True
            wake_up(reciprocal_gates(self.bare_model))
            self.say(f"reciprocal parts wake up at iteration {self.iteration}")
        is_last = self.iteration == self.config.iterations - 1
        if self.iteration % self.config.output.eval_interval == 0 or is_last:
            self._evaluate()
        self.running_loss = 0.0

    def prepare_gradients(self) -> None:
        """Mask and condition the gradients, and clip them where the optimizer asks for it."""
        if self.pruner is not None:
            self.pruner.mask_gradients()
        if self.spam is not None:
            self.spam.condition_gradients()
        if self.clip_hint is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_hint)
        if self.spam is not None:
            self.spam.reset_when_due()

    def after_update(self, learning_rate: float) -> None:
        """Prune, and log the loss of this very update."""
        if self.alarm is not None:
            self.alarm.hear(self.running_loss)
        if self.pruner is not None:
            self.pruner.update(self.iteration)
        if self.iteration % self.config.output.log_interval == 0:
            now = self.clock()
            milliseconds = 1000 * (now - self._last_log)
            self._last_log = now
            self.say(
                f"iter {self.iteration}: loss {self.running_loss:.4f}, lr {learning_rate:.2e}, "
                f"time {milliseconds:.1f}ms"
            )

    def finish(self) -> None:
        """Evaluate once more, on all processes; say what became of the gates, and write model and metrics."""
        losses = self._estimate()
        if not self.world.is_master:
            return
        self.say(f"final: {losses}")
        gates = gate_statistics(self.bare_model)
        for kind, summary in gates.items():
            self.say(f"gate {kind}: " + ", ".join(f"{name} {value:.6f}" for name, value in summary.items()))
        self._save_model(FINAL_NAME, losses.validation)
        self._write_metrics(losses, gates)
        self.tracking.finish()

    def progress(self) -> dict[str, Any]:
        """Return what the base class needs, and who is asleep."""
        alarm = None if self.alarm is None else self.alarm.state_dict()
        return {**super().progress(), "alarm": alarm, "is_awake": self.is_awake}

    def restore(self, progress: dict[str, Any]) -> None:
        """Go on from what ``progress`` returned; the gates themselves came with the model."""
        super().restore(progress)
        if self.alarm is not None and progress["alarm"] is not None:
            self.alarm.load_state_dict(progress["alarm"])
        self.is_awake = progress["is_awake"]
        for gate in reciprocal_gates(self.bare_model):
            gate.requires_grad = self.is_awake

    def _estimate(self) -> Losses:
        """Estimate both losses, training first, on this process."""
        train, validation = (
            mean_loss(
                self.local_model,
                batches.get_batch,
                batches=self.config.output.eval_samples,
                precision=self.precision,
            )
            for batches in (self.train_batches, self.validation_batches)
        )
        return Losses(train=train, validation=validation)

    def _evaluate(self) -> None:
        losses = self._estimate()
        if not self.world.is_master:
            return
        self.say(f"eval {self.iteration}: {losses}")
        self.history.iterations.append(self.iteration)
        self.history.train_losses.append(losses.train)
        values = self.history.add_validation(self.iteration, loss=losses.validation)
        self.tracking.log({**values, "train_loss": losses.train}, step=self.iteration)
        if losses.validation < self.best_validation_loss:
            self.best_validation_loss = losses.validation
            if self.config.run.save_checkpoint:
                self._save_model(BEST_NAME, losses.validation)

    def _save_model(self, name: str, validation_loss: float) -> None:
        content = {
            "iteration": self.iteration,
            "model_state_dict": self.bare_model.state_dict(),
            "optimizer_state_dict": self.optimizer.state_dict(),
            "val_loss": validation_loss,
            "config": dataclasses.asdict(self.architecture),
        }
        self.write(content, name)

    def _write_metrics(self, losses: Losses, gates: dict[str, dict[str, float]]) -> None:
        metrics = {
            "iterations": self.history.iterations,
            "train_losses": self.history.train_losses,
            "val_losses": self.history.val_losses,
            "perplexities": [float(np.exp(loss)) for loss in self.history.val_losses],
            "step": self.config.reciprocal.ra_step,
            "best_val_loss": self.best_validation_loss,
            "final_train_loss": losses.train,
            "final_val_loss": losses.validation,
            "final_iteration": self.iteration,
            "gates": gates,
            "total_time": self.clock() - self.start_time,
        }
        path = self.config.output_dir / METRICS_NAME
        # whoever finds the file takes the run for finished, so it is never there in part
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(metrics, indent=2), encoding="utf-8")
        temporary.rename(path)


def _alarm(config: UnifiedRAConfig) -> Alarm | None:
    step, chosen = config.step, config.reciprocal
    if step.waits_for_calm:
        return CalmLoss(
            start=chosen.calm_start,
            interval=chosen.calm_interval,
            window=chosen.calm_window,
            threshold=chosen.calm_threshold,
        )
    return None if step.delay is None else Delay(iteration=step.delay)
