"""AdamWPrune: prune by what the optimizer already knows, without memory of its own but the masks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainers.common.pruning.masks import (
    Masks,
    apply_masks,
    keep_everything,
    linear_weights,
    masks_above,
    restore_masks,
    smallest_scores_threshold,
    sparsity_of,
)
from trainers.common.pruning.ramp import Ramp
from trainers.common.pruning.scores import PER_LAYER_VARIANTS, VARIANTS, Moments, magnitude

FIRST_LAYER_SHARE = 0.7
LAYER_SHARE_GROWTH = 0.6
LARGEST_LAYER_SPARSITY = 0.95


class StatePruner:
    """Removes the weights of linear layers whose score, from weight and Adam moments, is smallest."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        variant: str,
        target: float,
        start: int,
        end: int,
        frequency: int,
    ) -> None:
        """Ramp up along a cubic from update ``start`` to ``end``; choose masks every ``frequency`` updates.

        Raises:
            ValueError: there is no such variant.
        """
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
        self._score = VARIANTS[variant]
        self._is_per_layer = variant in PER_LAYER_VARIANTS
        self._ramp = Ramp(target=target, start=start, end=end, power=3)
        self._frequency = frequency
        self._optimizer = optimizer
        self._weights = linear_weights(model)
        self._masks = keep_everything(self._weights)

    @torch.no_grad()
    def mask_gradients(self) -> None:
        """Zero the gradients of removed weights."""
        for name, weight in self._weights.items():
            if weight.grad is not None:
                weight.grad.mul_(self._masks[name])

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Choose masks where it is time, and apply them to weights and moments."""
        if step <= self._ramp.start:
            return
        if step % self._frequency == 0:
            scores = {name: self._score_of(weight) for name, weight in self._weights.items()}
            self._masks = self._choose(scores, self._ramp(step))
        apply_masks(self._weights, self._masks)
        for name, weight in self._weights.items():
            state = self._optimizer.state.get(weight, {})
            for moment in ("exp_avg", "exp_avg_sq"):
                if moment in state:
                    state[moment].mul_(self._masks[name])

    def sparsity(self) -> float:
        """Return the share of weights that are removed."""
        return sparsity_of(self._masks)

    def state_dict(self) -> dict[str, Any]:
        """Return the masks."""
        return {"masks": dict(self._masks)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the masks."""
        restore_masks(self._masks, state["masks"])

    def _score_of(self, weight: torch.Tensor) -> torch.Tensor:
        state = self._optimizer.state.get(weight, {})
        if "exp_avg" not in state:
            return magnitude(weight)
        moments = Moments(
            first=state["exp_avg"],
            second=state["exp_avg_sq"],
            updates=float(state["step"]),
            beta1=self._optimizer.param_groups[0]["betas"][0],
        )
        return self._score(weight, moments)

    def _choose(self, scores: dict[str, torch.Tensor], sparsity: float) -> Masks:
        if not self._is_per_layer:
            return masks_above(scores, smallest_scores_threshold(scores.values(), sparsity))
        masks: Masks = {}
        for index, (name, score) in enumerate(scores.items()):
            depth = index / max(1, len(scores) - 1)
            share = min(LARGEST_LAYER_SPARSITY, sparsity * (FIRST_LAYER_SHARE + LAYER_SHARE_GROWTH * depth))
            masks |= masks_above({name: score}, smallest_scores_threshold([score], share))
        return masks
