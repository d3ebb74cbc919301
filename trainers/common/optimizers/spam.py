"""SPAM: keep single large gradients from spoiling the moments of an Adam optimizer.

Huang et al. 2025, "SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training", as the GPT-2 family uses it. It
is no optimizer of its own, but works on the gradients and moments of one, between backward pass and step.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

NORM_WINDOW = 100
SMALLEST_WINDOW = 10
"""Norms that have to be known, the latest included, before one can be called a spike."""
SPIKE_DEVIATIONS = 2.0
SPIKE_FIRST_MOMENT = 0.5
SPIKE_SECOND_MOMENT = 0.9
VARIANCE_FLOOR = 1e-12
SMALLEST_LR_SCALE = 1e-3


@dataclass(frozen=True, kw_only=True)
class SpamSettings:
    """What can be chosen about SPAM."""

    theta: float = 50.0
    """Elements whose square exceeds theta times their second moment are clipped."""
    interval: int = 1000
    """Calls between two resets of the moments; the counter runs twice per update. 0 means no resets."""
    warmup_steps: int = 100
    """Calls after a reset during which the learning rate comes back along a cosine."""
    clips_elements: bool = False


class Spam:
    """The state of SPAM beside one optimizer whose state holds ``exp_avg`` and ``exp_avg_sq``."""

    def __init__(self, optimizer: torch.optim.Optimizer, settings: SpamSettings) -> None:
        """Watch over ``optimizer``."""
        self.settings = settings
        self.counter = 0
        """Advances in both methods below, hence twice per update, as in the reference."""
        self.warmup_until = 0
        self.spikes: list[int] = []
        """The counter at each spike."""
        self._norms: deque[float] = deque(maxlen=NORM_WINDOW)
        self._optimizer = optimizer

    @torch.no_grad()
    def condition_gradients(self) -> None:
        """Clip elements, judge the norm of the gradients and damp the moments after a spike.

        To be called once per update, before the gradients are clipped globally. Elements: where |g| > sqrt(theta * (v +
        1e-12)), g becomes sign(g) times that limit. Norm: the L2 norm over all parameters is a spike when it lies more
        than two population standard deviations above the mean of the ones before it, at most 99; then m is halved and v
        multiplied by 0.9.
        """
        if self.settings.clips_elements:
            self._clip_elements()
        norm = self._gradient_norm()
        self.counter += 1
        if not math.isfinite(norm):
            return
        self._norms.append(norm)
        if self._is_spike():
            self.spikes.append(self.counter)
            self._scale_moments(SPIKE_FIRST_MOMENT, SPIKE_SECOND_MOMENT)

    @torch.no_grad()
    def reset_when_due(self) -> None:
        """Zero the moments every ``interval`` calls, and scale the learning rate down for a while afterwards.

        To be called once per update, right before the step, on a learning rate that was set afresh. The maximum that
        AMSGrad keeps is not reset.
        """
        self.counter += 1
        if self.settings.interval <= 0:
            return
        if self.counter % self.settings.interval == 0:
            self._scale_moments(0.0, 0.0)
            self.warmup_until = self.counter + self.settings.warmup_steps
        if self.warmup_until > self.counter:
            scale = self._warmup_scale()
            for group in self._optimizer.param_groups:
                group["lr"] *= scale

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs, besides the state of the optimizer."""
        return {
            "counter": self.counter,
            "warmup_until": self.warmup_until,
            "spikes": list(self.spikes),
            "norms": list(self._norms),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self.counter = state["counter"]
        self.warmup_until = state["warmup_until"]
        self.spikes = list(state["spikes"])
        self._norms = deque(state["norms"], maxlen=NORM_WINDOW)

    def _parameters(self) -> Iterator[torch.Tensor]:
        for group in self._optimizer.param_groups:
            yield from group["params"]

    def _clip_elements(self) -> None:
        for parameter in self._parameters():
            second = self._optimizer.state[parameter].get("exp_avg_sq") if parameter in self._optimizer.state else None
            if parameter.grad is None or second is None:
                continue
            limit = (self.settings.theta * (second + VARIANCE_FLOOR)).sqrt()
            gradient = parameter.grad
            gradient.copy_(torch.where(gradient.abs() > limit, gradient.sign() * limit, gradient))

    def _gradient_norm(self) -> float:
        # the norms of all tensors come from the device at once
        gradients = [parameter.grad for parameter in self._parameters() if parameter.grad is not None]
        if not gradients:
            return 0.0
        norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]).tolist()
        return math.sqrt(sum(norm**2 for norm in norms))

    def _is_spike(self) -> bool:
        if len(self._norms) < SMALLEST_WINDOW:
            return False
        *previous, latest = self._norms
        deviation = float(np.std(previous))
        return deviation > 0 and (latest - float(np.mean(previous))) / deviation > SPIKE_DEVIATIONS

    def _scale_moments(self, first: float, second: float) -> None:
        for state in self._optimizer.state.values():
            if "exp_avg" in state:
                state["exp_avg"].mul_(first)
                state["exp_avg_sq"].mul_(second)

    def _warmup_scale(self) -> float:
        length = self.settings.warmup_steps
        progress = (length - (self.warmup_until - self.counter)) / length
        return max(SMALLEST_LR_SCALE, 0.5 * (1.0 - math.cos(math.pi * progress)))
