"""What all trainers of the family share: a run's parts, the order of an update, evaluation and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from trainers.common.checkpoint import save_atomically
from trainers.common.data import read_vocabulary_size
from trainers.common.distributed import World, any_process, distribute
from trainers.common.optimizers.adamw import set_learning_rate
from trainers.common.optimizers.factory import build_optimizer
from trainers.common.precision import Precision
from trainers.common.progress import Progress
from trainers.common.pruning.pruner import MagnitudePruner, MovementPruner, Pruner
from trainers.common.pruning.state import StatePruner
from trainers.common.seeding import restore_generators
from trainers.common.tracking import Tracking, default_project, split_names
from trainers.gpt2.architecture import build_architecture
from trainers.gpt2.batches import RandomBatches
from trainers.gpt2.checkpoint import checkpoint_content, gather_generator_states, iteration_name, read_resumable
from trainers.gpt2.config import Gpt2Config
from trainers.gpt2.evaluation import mean_loss
from trainers.gpt2.history import History
from trainers.gpt2.model import GPT2
from trainers.gpt2.precision import PlainPrecision
from trainers.gpt2.schedule import WarmupFromZero


class BaseGPT2Trainer:
    """One run in one process. Subclasses say what happens before an update, to its gradients, after it, at the end."""

    def __init__(
        self,
        config: Gpt2Config,
        *,
        world: World,
        device: torch.device,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Build data, model, optimizer and pruner; the generators are seeded already. ``clock`` returns seconds.

        Raises:
            DataError: there are no usable token files.
            CheckpointError: the run to resume is missing or does not fit.
        """
        self.config = config
        self.world = world
        self.device = device
        self.clock = clock
        self.precision = self.choose_precision()
        self.scaler = self.precision.gradient_scaler()
        self.train_batches = self._open_batches("train.bin")
        self.validation_batches = self._open_batches("val.bin")
        self._build_model()
        self._build_optimizer()
        self.history = History()
        self.iteration = 0
        self.running_loss = 0.0
        """The sum of the mean losses of the updates since the last logged one."""
        self.best_validation_loss = float("inf")
        if config.run.resume is not None:
            self._resume(Path(config.run.resume))
        self.progress_line = Progress(start=self.iteration, total=config.iterations, label=self.label)
        """How far the run has come, where there is a terminal."""
        self.tracking = self._start_tracking()
        self.start_time = clock()

    def choose_precision(self) -> Precision:
        """On a CPU everything is computed in float32, so that there is nothing to scale either."""
        dtype = self.config.system.dtype if self.device.type == "cuda" else "float32"
        return PlainPrecision(dtype=dtype, device_type=self.device.type)

    @property
    def label(self) -> str:
        """What tells this run from others that one command trains, in front of its progress."""
        return ""

    def modify_model(self, model: GPT2) -> None:
        """Change the new model before anything else gets to know it."""

    def before_update(self, learning_rate: float) -> None:
        """Do what belongs at the beginning of an iteration, before its first batch."""

    def prepare_gradients(self) -> None:
        """Do what belongs between the last backward pass and the step."""
        raise NotImplementedError

    def after_update(self, learning_rate: float) -> None:
        """Do what belongs after a step, before the next iteration."""
        raise NotImplementedError

    def finish(self) -> None:
        """Do what belongs after the last iteration."""
        raise NotImplementedError

    def run(self) -> None:
        """Train until ``max_iters`` or ``max_time``, and finish."""
        try:
            self._train()
        finally:
            self.progress_line.clear()
        self.finish()

    def _train(self) -> None:
        while self.iteration < self.config.iterations:
            if self._is_time_up():
                self.say(f"max_time of {self.config.length.max_time} seconds reached at iteration {self.iteration}")
                break
            learning_rate = self.schedule(self.iteration)
            set_learning_rate(self.optimizer, learning_rate)
            self.before_update(learning_rate)
            loss = self._accumulate_gradients()
            self.prepare_gradients()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
            self.after_update(learning_rate)
            self._save_when_due()
            self.iteration += 1
            if self.world.is_master:
                self.progress_line.show(self.iteration, loss=loss)

    def say(self, line: str) -> None:
        """Print on the master only."""
        if self.world.is_master:
            self.progress_line.clear()
            print(line)

    def evaluate(self, *, batches: int) -> float:
        """Estimate the validation loss on this process alone, which takes numbers from the generator of training."""
        return mean_loss(self.local_model, self.validation_batches.get_batch, batches=batches, precision=self.precision)

    def save(self, name: str, **extra: object) -> None:
        """Write a checkpoint into the output directory, on the master only."""
        if not self.world.is_master:
            return
        content = checkpoint_content(
            model=self.bare_model,
            optimizer=self.optimizer,
            scaler=self.scaler,
            iteration=self.iteration,
            best_validation_loss=self.best_validation_loss,
            architecture=self.architecture,
            arguments=self.config.remembered(),
        )
        self.write({**content, **extra}, name)

    def write(self, content: Mapping[str, object], name: str) -> None:
        """Write a file into the output directory."""
        save_atomically(content, self.config.output_dir / name)

    def _open_batches(self, name: str) -> RandomBatches:
        return RandomBatches(
            self.config.data_dir / name,
            batch_size=self.config.length.batch_size,
            block_size=self.config.model.block_size,
            device=self.device,
        )

    def _build_model(self) -> None:
        chosen = self.config.model
        self.architecture = build_architecture(
            chosen.model_name,
            block_size=chosen.block_size,
            vocab_size=read_vocabulary_size(self.config.data_dir),
            dropout=chosen.dropout,
            bias=chosen.bias,
        )
        self.bare_model = GPT2(self.architecture)
        """The model without wrappers, which is what checkpoints hold."""
        self.modify_model(self.bare_model)
        self.bare_model.to(self.device)
        model: nn.Module = self.bare_model
        if self.config.system.compile:
            # a compiled module is a module, although the signature promises a callable only
            model = cast(nn.Module, torch.compile(model))
        self.local_model = model
        """What this process can run without the others: compiled, but not wrapped for several processes."""
        self.model = distribute(
            model,
            self.world,
            device=self.device,
            find_unused_parameters=self.config.run.ddp_find_unused_parameters,
        )

    def _build_optimizer(self) -> None:
        chosen = self.config.optimization
        # the wrapped model, as its parameter groups differ from the bare one's
        built = build_optimizer(self.model, self.config.optimizer_settings())
        self.optimizer, self.spam, self.scheduler = built.optimizer, built.spam, built.scheduler
        self.clip_hint = built.clip_hint
        self.pruner = self._build_pruner()
        self.schedule = WarmupFromZero(
            peak=chosen.learning_rate,
            floor=chosen.min_lr,
            warmup_iterations=chosen.warmup_steps,
            decay_end=self.config.iterations,
        )

    def _build_pruner(self) -> Pruner | None:
        chosen = self.config.pruning
        target, start, end = chosen.target_sparsity, chosen.pruning_warmup, self.config.length.max_iters
        if chosen.pruning_method == "magnitude":
            return MagnitudePruner(self.bare_model, target=target, start=start, end=end)
        if chosen.pruning_method == "movement":
            return MovementPruner(self.bare_model, target=target, start=start, end=end)
        if chosen.pruning_method == "state":
            return StatePruner(
                self.bare_model,
                self.optimizer,
                variant=self.config.optimization.adamwprune_variant,
                target=target,
                start=start,
                end=end,
                frequency=chosen.pruning_frequency,
            )
        return None

    def _start_tracking(self) -> Tracking:
        chosen = self.config.output
        stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(self.clock()))
        return Tracking(
            split_names(chosen.tracker) if self.world.is_master else [],
            project=chosen.tracker_project or default_project(Path.cwd()),
            run_name=chosen.tracker_run_name or f"gpt2_{self.config.optimization.optimizer}_{stamp}",
            config=self.config.remembered(),
        )

    def _is_time_up(self) -> bool:
        limit = self.config.length.max_time
        # clocks differ, and a process that goes on alone would wait for the others forever
        return limit > 0 and any_process(self.clock() - self.start_time >= limit, self.world, device=self.device)

    def _accumulate_gradients(self) -> float:
        """Forward and backward of all micro-steps; under several processes each of them exchanges gradients.

        Returns the mean loss of the update, on this process.
        """
        micro_steps = self.config.length.gradient_accumulation
        total = 0.0
        for _ in range(micro_steps):
            inputs, targets = self.train_batches.get_batch()
            with self.precision.autocast():
                _, loss = self.model(inputs, targets)
                loss = loss / micro_steps
            self.scaler.scale(loss).backward()
            value = loss.item()
            self.running_loss += value
            total += value
        return total

    def _save_when_due(self) -> None:
        """Save everything that the next iterations depend on; not at iteration 0, which is quickly done again."""
        chosen = self.config.run
        if not chosen.save_checkpoint or self.iteration == 0 or self.iteration % chosen.checkpoint_interval != 0:
            return
        # all processes take part, as each has generators of its own
        progress = {**self.progress(), "generators": gather_generator_states(self.world)}
        self.save(iteration_name(self.iteration), progress=progress)

    def progress(self) -> dict[str, Any]:
        """Return what the next iterations depend on, besides model, optimizer, scaler and generators."""
        return {
            "history": self.history.state_dict(),
            "running_loss": self.running_loss,
            "spam": None if self.spam is None else self.spam.state_dict(),
            "pruner": None if self.pruner is None else self.pruner.state_dict(),
        }

    def restore(self, progress: dict[str, Any]) -> None:
        """Go on from what ``progress`` returned."""
        if self.spam is not None and progress["spam"] is not None:
            self.spam.load_state_dict(progress["spam"])
        if self.pruner is not None and progress["pruner"] is not None:
            self.pruner.load_state_dict(progress["pruner"])
        self.history = History(**progress["history"])
        self.running_loss = progress["running_loss"]

    def _resume(self, path: Path) -> None:
        saved = read_resumable(path, architecture=self.architecture, world=self.world)
        progress = saved["progress"]
        self.bare_model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if "scaler" in saved:
            self.scaler.load_state_dict(saved["scaler"])
        self.restore(progress)
        self.best_validation_loss = saved["best_val_loss"]
        self.iteration = saved["iter_num"] + 1
        restore_generators(progress["generators"][self.world.rank])
