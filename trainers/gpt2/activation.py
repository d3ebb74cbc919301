"""Reciprocal parts that sleep at first: woken at a fixed iteration, or when the training loss has calmed down."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from trainers.gpt2.reciprocal_attention import RECIPROCAL_GATE


def reciprocal_gates(model: nn.Module) -> list[nn.Parameter]:
    """List the gates in front of all reciprocal parts."""
    return [parameter for name, parameter in model.named_parameters() if name.endswith("w_rec")]


def put_to_sleep(gates: list[nn.Parameter]) -> None:
    """Close the gates and freeze them; an optimizer that is built afterwards holds them all the same."""
    for gate in gates:
        gate.data.zero_()
        gate.requires_grad = False


def wake_up(gates: list[nn.Parameter]) -> None:
    """Open the gates to where they start and let them learn."""
    for gate in gates:
        gate.data.fill_(RECIPROCAL_GATE)
        gate.requires_grad = True


class Alarm(Protocol):
    """Says when sleeping parts are woken."""

    def rings(self, iteration: int) -> bool:
        """Whether it is time, asked before each iteration."""
        ...

    def hear(self, loss: float) -> None:
        """Take in the training loss of an iteration."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        ...


@dataclass(frozen=True, kw_only=True)
class Delay:
    """Rings at one iteration."""

    iteration: int

    def rings(self, iteration: int) -> bool:
        """Whether this is the iteration."""
        return iteration == self.iteration

    def hear(self, loss: float) -> None:
        """Do nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing."""


class CalmLoss:
    """Rings once, when the variance of the last training losses has fallen below a threshold."""

    def __init__(self, *, start: int, interval: int, window: int, threshold: float) -> None:
        """Look from iteration ``start`` on, every ``interval`` iterations, at ``window`` losses."""
        self._start = start
        self._interval = interval
        self._threshold = threshold
        self._losses: deque[float] = deque(maxlen=window)
        self._has_rung = False

    def rings(self, iteration: int) -> bool:
        """Whether the losses are calm, and were not before."""
        is_time = iteration >= self._start and iteration % self._interval == 0
        if self._has_rung or not is_time or len(self._losses) < (self._losses.maxlen or 0):
            return False
        self._has_rung = float(np.var(list(self._losses))) < self._threshold
        return self._has_rung

    def hear(self, loss: float) -> None:
        """Remember a loss."""
        self._losses.append(loss)

    def state_dict(self) -> dict[str, Any]:
        """Return the losses, and whether it has rung."""
        return {"losses": list(self._losses), "has_rung": self._has_rung}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the losses."""
        self._losses.extend(state["losses"])
        self._has_rung = state["has_rung"]


def gate_statistics(model: nn.Module) -> dict[str, dict[str, float]]:
    """Return mean, standard deviation, minimum and maximum of each kind of gate over the whole model.

    The standard deviation of a single value is NaN. Shares of self-restart are clamped as they are when used.
    """
    kinds: dict[str, list[torch.Tensor]] = {}
    for name, parameter in model.named_parameters():
        owner, _, kind = name.rpartition(".")
        if not kind.startswith("w_") and kind not in ("alpha", "gate_alpha"):
            continue
        values = parameter.detach().flatten()
        where = "mlp" if owner.endswith("mlp") else "attention"
        kinds.setdefault(f"{where}_{kind}", []).append(values.clamp(0.0, 0.5) if kind == "alpha" else values)
    return {kind: _summary(torch.cat(parts)) for kind, parts in sorted(kinds.items())}


def _summary(values: torch.Tensor) -> dict[str, float]:
    deviation = values.std().item() if len(values) > 1 else float("nan")
    return {
        "mean": values.mean().item(),
        "std": deviation,
        "min": values.min().item(),
        "max": values.max().item(),
    }
