"""How much a weight matters, judged by itself and by the moments of Adam: the variants bitter0 to bitter9.

With w the weight, m and v its first and second moment, t the updates so far, e = 1e-8:

=================  ==================================================================
bitter0            abs(w * m) * abs(w) / (sqrt(v) + e)
bitter1, bitter2   abs(w)
bitter3, bitter4   abs(w) * sqrt(abs(m) + e)
bitter5            sign(w) * m / (sqrt(v) + e) + 0.1 * abs(w)
bitter6            abs(w) * sqrt(abs(m) + e) * sqrt(m^2 / (v + e))
bitter7            abs(w) * (abs(v) + e)^(1/4)
bitter8            abs(w) * sqrt(abs(m / (1 - beta1^t + e)) + e)
bitter9            abs(w) * sqrt(abs(m) + e) + 0.1 * sign(w) * m / (sqrt(v) + e)
=================  ==================================================================

bitter4 differs from bitter3 in its thresholds, see ``state``; bitter2 from bitter1 in how long a run lasts. The scores
of bitter5 and bitter9 are signed: a weight that stays may score below one that is gone, so their sparsity overshoots.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What Adam knows about one parameter."""

    first: torch.Tensor
    second: torch.Tensor
    updates: float
    beta1: float


Score = Callable[[torch.Tensor, Moments], torch.Tensor]


def magnitude(weight: torch.Tensor, _: Moments | None = None) -> torch.Tensor:
    """bitter1, bitter2, and what every variant falls back to before the first update."""
    return weight.abs()


def gradient_alignment(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter0."""
    return (weight * moments.first).abs() * weight.abs() / (moments.second.sqrt() + EPSILON)


def momentum(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter3 and bitter4."""
    return weight.abs() * (moments.first.abs() + EPSILON).sqrt()


def _signed_step(weight: torch.Tensor, moments: Moments, *, scale: float) -> torch.Tensor:
    """The step that Adam takes, positive where it carries the weight towards zero."""
    return scale * weight.sign() * moments.first / (moments.second.sqrt() + EPSILON)


def direction(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter5."""
    return _signed_step(weight, moments, scale=1.0) + 0.1 * weight.abs()


def steadiness(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter6."""
    ratio = moments.first.square() / (moments.second + EPSILON)
    return momentum(weight, moments) * ratio.sqrt()


def variance(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter7."""
    return weight.abs() * (moments.second.abs() + EPSILON).pow(0.25)


def corrected_momentum(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter8."""
    corrected = moments.first / (1 - math.pow(moments.beta1, moments.updates) + EPSILON)
    return weight.abs() * (corrected.abs() + EPSILON).sqrt()


def momentum_and_direction(weight: torch.Tensor, moments: Moments) -> torch.Tensor:
    """bitter9."""
    return momentum(weight, moments) + _signed_step(weight, moments, scale=0.1)


VARIANTS: dict[str, Score] = {
    "bitter0": gradient_alignment,
    "bitter1": magnitude,
    "bitter2": magnitude,
    "bitter3": momentum,
    "bitter4": momentum,
    "bitter5": direction,
    "bitter6": steadiness,
    "bitter7": variance,
    "bitter8": corrected_momentum,
    "bitter9": momentum_and_direction,
}
"""The wired variants; bitter10 of the literature was never more than a template."""

PER_LAYER_VARIANTS = frozenset({"bitter4"})
"""These remove a share of their own in each layer, less in the first ones than in the last."""
