"""What learns: the network with its wrappers, its optimizer, and the scaler of its gradients."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import nn

from trainers.char_gpt.config import CharGptConfig
from trainers.char_gpt.model import GPT
from trainers.common.distributed import World, distribute
from trainers.common.optimizers.adamw import build_adamw
from trainers.common.optimizers.transfer import Transfer, optimizer_order, transfer_optimizer_state
from trainers.common.precision import Precision
from trainers.common.timing import SectionTimer


class Learner:
    """One network in training."""

    def __init__(
        self, model: GPT, *, config: CharGptConfig, precision: Precision, world: World, device: torch.device
    ) -> None:
        """Give ``model`` an optimizer; it is not wrapped yet."""
        self._config = config
        self._world = world
        self._device = device
        self.bare_model = model
        """The model without wrappers, which is what checkpoints hold."""
        self.model: nn.Module = model
        self.scaler = precision.gradient_scaler()
        self.optimizer = self._build_optimizer(config.optimisation.learning_rate)

    def _build_optimizer(self, learning_rate: float) -> torch.optim.Optimizer:
        optimisation = self._config.optimisation
        return build_adamw(
            self.bare_model,
            learning_rate=learning_rate,
            betas=(optimisation.beta1, optimisation.beta2),
            weight_decay=optimisation.weight_decay,
            device_type=self._device.type,
        )

    def restore(self, saved: Mapping[str, Any]) -> Transfer:
        """Give each parameter the state that a checkpoint has ``saved`` for it."""
        if saved.get("scaler"):
            self.scaler.load_state_dict(saved["scaler"])
        names = optimizer_order(saved.get("param_names", {}).items())
        return transfer_optimizer_state(self.optimizer, self.bare_model, saved["optimizer"], names)

    def wrap(self) -> None:
        """Compile the model, if that is wanted, and share its gradients with the other processes."""
        model: nn.Module = self.bare_model
        if self._config.system.compile:
            # what was compiled for another shape counts against the number of times that torch compiles a function
            torch.compiler.reset()
            # a compiled module is a module, although the signature promises a callable only
            model = cast(nn.Module, torch.compile(model))
        self.model = distribute(model, self._world, device=self._device)

    def restructure(self, change: Callable[[GPT], None], *, learning_rate: float) -> Transfer:
        """Change the network, and go on with a new optimizer: what keeps name and shape keeps its state.

        The update that comes next is done at ``learning_rate``, whatever the schedule says. What ``change`` raises
        leaves everything as it was.
        """
        saved, names = self.optimizer.state_dict(), optimizer_order(self.bare_model.named_parameters())
        change(self.bare_model)
        # a wrapper that is still there would go on exchanging gradients
        self.model = self.bare_model
        gc.collect()
        self.optimizer = self._build_optimizer(learning_rate)
        transfer = transfer_optimizer_state(self.optimizer, self.bare_model, saved, names)
        self.wrap()
        return transfer

    def step(self, *, largest_norm: float, timer: SectionTimer) -> None:
        """Update the parameters by the gradients that have been added up, cut to a global norm; 0.0 does not cut."""
        with timer.section("gradient_clipping"):
            if largest_norm != 0.0:
                self.scaler.unscale_(self.optimizer)
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), largest_norm)
        with timer.section("optimizer_step"):
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
