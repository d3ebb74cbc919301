"""From the name of an optimizer to the optimizer and what belongs to it.

=============  =====================================================================================================
sgd            momentum 0.9
adam, adamw    with the defaults of torch. AdamW: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
               w = w (1 - lr * decay) - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
adamwadv       adamw with AMSGrad (v is replaced by its maximum so far), a cosine schedule and a clipping hint of 1
adamwspam      adamwadv with SPAM, see ``spam``
adamwprune     one of the Adams with betas and decay of its own, on which state pruning is built, see ``pruning.state``
sinkgd         see ``sinkgd``
=============  =====================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import CosineAnnealingLR

from trainers.common.optimizers.sinkgd import SinkGD
from trainers.common.optimizers.spam import Spam, SpamSettings

ADAMS = ("adam", "adamw", "adamwadv", "adamwspam")
OPTIMIZERS = ("sgd", *ADAMS, "adamwprune", "sinkgd")
MOMENTUM = 0.9
CLIP_HINT = 1.0
SCHEDULE_FLOOR = 1e-6


@dataclass(frozen=True, kw_only=True)
class PruneBase:
    """The optimizer below adamwprune, and what is different about it."""

    name: str = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.1
    """For all parameters, biases and gains included."""
    amsgrad: bool = True


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """Which optimizer, and its options."""

    name: str
    learning_rate: float
    weight_decay: float
    epochs: int = 1
    """The length of the cosine of adamwadv and adamwspam."""
    sinkgd_iterations: int = 5
    sinkgd_temperature: float = 0.1
    spam: SpamSettings = field(default_factory=SpamSettings)
    prune_base: PruneBase = field(default_factory=PruneBase)


@dataclass(frozen=True, kw_only=True)
class BuiltOptimizer:
    """An optimizer and what a training loop may want to know with it."""

    optimizer: torch.optim.Optimizer
    spam: Spam | None = None
    clip_hint: float | None = None
    """The global gradient norm to clip to, for loops that ask the optimizer about it."""
    scheduler: CosineAnnealingLR | None = None
    """For loops without a schedule of their own."""


def build_optimizer(model: nn.Module, settings: OptimizerSettings) -> BuiltOptimizer:
    """Build the optimizer of a model, which may be wrapped for distributed training.

    Raises:
        ValueError: there is no such optimizer, or adamwprune cannot be built on its base.
    """
    if settings.name not in OPTIMIZERS:
        raise ValueError(f"optimizer is {settings.name!r}, expected one of {', '.join(OPTIMIZERS)}")
    groups = parameter_groups(model, weight_decay=settings.weight_decay)
    if settings.name == "adamwprune":
        return _build_prune_base(groups, settings)
    if settings.name in ADAMS:
        return _build_adam(settings.name, groups, settings)
    if settings.name == "sinkgd":
        iterations, temperature = settings.sinkgd_iterations, settings.sinkgd_temperature
        return BuiltOptimizer(
            optimizer=SinkGD(groups, lr=settings.learning_rate, iterations=iterations, temperature=temperature)
        )
    return BuiltOptimizer(optimizer=torch.optim.SGD(groups, lr=settings.learning_rate, momentum=MOMENTUM))


def parameter_groups(model: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Share out the parameters: all in one group without decay, unless the model is wrapped for several processes.

    Of a wrapped model everything but biases and layer norms decays as requested; matrices that two layers share are
    listed, and hence updated, twice. Both are as in the reference.
    """
    if not isinstance(model, DistributedDataParallel):
        return [{"params": list(model.parameters()), "weight_decay": 0.0}]
    decaying: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            spared = name == "bias" or isinstance(module, nn.LayerNorm)
            (others if spared else decaying).append(parameter)
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _build_adam(name: str, groups: list[dict[str, Any]], settings: OptimizerSettings) -> BuiltOptimizer:
    if name == "adam":
        return BuiltOptimizer(optimizer=torch.optim.Adam(groups, lr=settings.learning_rate))
    if name == "adamw":
        return BuiltOptimizer(optimizer=torch.optim.AdamW(groups, lr=settings.learning_rate))
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, amsgrad=True)
    return BuiltOptimizer(
        optimizer=optimizer,
        spam=Spam(optimizer, settings.spam) if name == "adamwspam" else None,
        clip_hint=CLIP_HINT,
        scheduler=CosineAnnealingLR(optimizer, T_max=settings.epochs, eta_min=SCHEDULE_FLOOR),
    )


def _build_prune_base(groups: list[dict[str, Any]], settings: OptimizerSettings) -> BuiltOptimizer:
    base = settings.prune_base
    if base.name not in ADAMS:
        raise ValueError(
            f"adamwprune needs moments, so its base cannot be {base.name!r}; use one of {', '.join(ADAMS)}"
        )
    built = _build_adam(base.name, groups, settings)
    for group in built.optimizer.param_groups:
        group.update(betas=base.betas, weight_decay=base.weight_decay, amsgrad=base.amsgrad)
    return built
