"""What all pruners can do, and the two that look at weights only."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn

from trainers.common.pruning.masks import (
    apply_masks,
    keep_everything,
    linear_weights,
    masks_above,
    restore_masks,
    smallest_scores_threshold,
    sparsity_of,
)
from trainers.common.pruning.ramp import Ramp


class Pruner(Protocol):
    """Removes weights of linear layers, more and more of them."""

    def mask_gradients(self) -> None:
        """Between backward pass and step: keep removed weights from influencing the others through norms."""
        ...

    def update(self, step: int) -> None:
        """After a step: apply the masks, and choose them anew where it is time; ``step`` counts from 0."""
        ...

    def sparsity(self) -> float:
        """Return the share of weights that are removed."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        ...


class WeightPruner:
    """Chooses its masks anew after every step, by a score of the weights alone; the threshold is global."""

    def __init__(self, model: nn.Module, ramp: Ramp) -> None:
        """Prune the linear layers of ``model`` along ``ramp``."""
        self._weights = linear_weights(model)
        self._ramp = ramp
        self._masks = keep_everything(self._weights)

    def score(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """Return how much each weight of the layer ``name`` matters, of the weight's shape."""
        raise NotImplementedError

    def mask_gradients(self) -> None:
        """Do nothing: these pruners leave gradients alone."""

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Apply the masks, choose new ones, apply those; the step may have moved removed weights away from zero."""
        apply_masks(self._weights, self._masks)
        sparsity = self._ramp(step)
        if sparsity == 0.0:
            return
        scores = {name: self.score(name, weight) for name, weight in self._weights.items()}
        self._masks = masks_above(scores, smallest_scores_threshold(scores.values(), sparsity))
        apply_masks(self._weights, self._masks)

    def sparsity(self) -> float:
        """Return the share of weights that are removed."""
        return sparsity_of(self._masks)

    def state_dict(self) -> dict[str, Any]:
        """Return the masks."""
        return {"masks": dict(self._masks)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the masks."""
        restore_masks(self._masks, state["masks"])


class MagnitudePruner(WeightPruner):
    """Removes the smallest weights: score abs(w), a cubic ramp (Zhu and Gupta 2017, "To prune, or not to prune")."""

    def __init__(self, model: nn.Module, *, target: float, start: int, end: int) -> None:
        """Ramp from update ``start`` to update ``end``."""
        super().__init__(model, Ramp(target=target, start=start, end=end, power=3))

    def score(self, name: str, weight: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return abs(w)."""
        return weight.abs()


class MovementPruner(WeightPruner):
    """Removes the weights that moved towards zero: score w * (w - w0), a linear ramp.

    After Sanh et al. 2020, "Movement Pruning"; w0 is the weight at the beginning.
    """

    def __init__(self, model: nn.Module, *, target: float, start: int, end: int) -> None:
        """Ramp from update ``start`` to update ``end``; the weights as they are now are w0."""
        super().__init__(model, Ramp(target=target, start=start, end=end, power=1))
        self._initial = {name: weight.detach().clone() for name, weight in self._weights.items()}

    def score(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """Return w * (w - w0)."""
        return weight * (weight - self._initial[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the masks and the initial weights."""
        return {**super().state_dict(), "initial": dict(self._initial)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the masks and the initial weights."""
        super().load_state_dict(state)
        for name, initial in self._initial.items():
            initial.copy_(state["initial"][name])
