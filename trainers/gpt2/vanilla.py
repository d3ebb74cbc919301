"""Vanilla GPT-2: plain training with any optimizer and pruning method, evaluated after the update."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from trainers.common.distributed import World
from trainers.gpt2.base import BaseGPT2Trainer
from trainers.gpt2.checkpoint import BEST_NAME, FINAL_NAME
from trainers.gpt2.config import Gpt2Config
from trainers.gpt2.evaluation import Latency, measure_latency, perplexity
from trainers.gpt2.history import write_metrics
from trainers.gpt2.reporting import (
    final_line,
    improvement_line,
    iteration_line,
    latency_line,
    memory_line,
    validation_line,
)

LARGEST_GRADIENT_NORM = 1.0
LATENCY_LENGTHS = (512, 1024)
METRICS_NAME = "training_metrics.json"
BYTES_PER_MEGABYTE = 1024**2


class VanillaGPT2Trainer(BaseGPT2Trainer):
    """The order of an update: gradients are masked, conditioned by SPAM and clipped; step; masks; log; evaluation."""

    def __init__(
        self, config: Gpt2Config, *, world: World, device: torch.device, clock: Callable[[], float] = time.time
    ) -> None:
        """Build everything, see the base class."""
        super().__init__(config, world=world, device=device, clock=clock)
        self._last_log = self.start_time

    def prepare_gradients(self) -> None:
        """Mask, condition and clip, but for SGD, whose gradients stay as they are."""
        if self.config.optimization.optimizer != "sgd":
            self.scaler.unscale_(self.optimizer)
            if self.pruner is not None:
                self.pruner.mask_gradients()
            if self.spam is not None:
                self.spam.condition_gradients()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT_NORM)
        if self.spam is not None:
            self.spam.reset_when_due()

    def after_update(self, learning_rate: float) -> None:
        """Prune, log and evaluate, each when it is due."""
        if self.pruner is not None:
            self.pruner.update(self.iteration)
        if self.iteration % self.config.output.log_interval == 0:
            self._log(learning_rate)
        if self.iteration % self.config.output.eval_interval == 0 and self.world.is_master:
            self._validate()

    def finish(self) -> None:
        """Evaluate once more with twice the batches, measure, save, and write the metrics where they are wanted."""
        if not self.world.is_master:
            return
        loss = self.evaluate(batches=2 * self.config.output.eval_samples)
        self.say(final_line(loss))
        if self.history.val_losses:
            self.say(improvement_line(best=self.best_validation_loss, first=self.history.val_losses[0]))
        latencies = {length: self._measure_latency(length) for length in LATENCY_LENGTHS}
        is_gpu = self.device.type == "cuda"
        allocated = torch.cuda.max_memory_allocated(self.device) / BYTES_PER_MEGABYTE if is_gpu else 0.0
        reserved = torch.cuda.max_memory_reserved(self.device) / BYTES_PER_MEGABYTE if is_gpu else 0.0
        self.say(memory_line(allocated=allocated, reserved=reserved))
        self.save(FINAL_NAME, val_loss=loss)
        if self.config.output.json_output is None:
            return
        results = self._results(loss, latencies)
        results |= {"gpu_memory_allocated_mb": allocated, "gpu_memory_reserved_mb": reserved}
        paths = [Path(self.config.output.json_output), self.config.output_dir / METRICS_NAME]
        write_metrics(self.history, results, paths=paths)
        # only here, as in the reference: a run without metrics leaves its trackers to the end of the process
        self.tracking.finish()

    def _sparsity(self) -> float:
        return 0.0 if self.pruner is None else self.pruner.sparsity()

    def _log(self, learning_rate: float) -> None:
        """Report the updates since the last line.

        Loss and time are divided by the length of the interval even at iteration 0, which is an interval of one.
        """
        interval = self.config.output.log_interval
        loss, self.running_loss = self.running_loss / interval, 0.0
        now = self.clock()
        milliseconds = 1000 * (now - self._last_log) / interval
        self._last_log = now
        if not self.world.is_master:
            return
        sparsity = self._sparsity()
        self.say(
            iteration_line(
                self.iteration, loss=loss, learning_rate=learning_rate, sparsity=sparsity, milliseconds=milliseconds
            )
        )
        values = self.history.add_training(
            self.iteration, seconds=now - self.start_time, loss=loss, learning_rate=learning_rate, sparsity=sparsity
        )
        self.tracking.log(values, step=self.iteration)

    def _validate(self) -> None:
        loss = self.evaluate(batches=self.config.output.eval_samples)
        self.say(validation_line(loss))
        self.tracking.log(self.history.add_validation(self.iteration, loss=loss), step=self.iteration)
        if loss < self.best_validation_loss:
            self.best_validation_loss = loss
            if self.config.run.save_checkpoint:
                self.save(BEST_NAME)

    def _measure_latency(self, length: int) -> Latency:
        latency = measure_latency(self.local_model, length=length, device=self.device, precision=self.precision)
        self.say(latency_line(length, latency))
        return latency

    def _results(self, loss: float, latencies: dict[int, Latency]) -> dict[str, object]:
        results: dict[str, object] = {
            "config": self.config.remembered(),
            "model_params": self.bare_model.parameter_count(),
            "best_val_loss": self.best_validation_loss,
            "final_val_loss": loss,
            "final_val_perplexity": perplexity(loss),
            "final_sparsity": self._sparsity(),
            "final_iteration": self.iteration,
            "total_time": self.clock() - self.start_time,
            "training_mode": "time" if self.config.length.max_time > 0 else "iterations",
            "max_iters": self.config.iterations,
            "max_time": self.config.length.max_time,
        }
        for length, latency in latencies.items():
            results[f"latency_{length}_p50_ms"] = latency.median
            results[f"latency_{length}_p95_ms"] = latency.p95
        return results
