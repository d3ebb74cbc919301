"""SinkGD: gradient descent along a gradient whose rows and columns have been evened out.

After Scetbon et al. 2025, "Gradient Multi-Normalization for Stateless and Scalable LLM Training", with L1 norms and a
smooth clip, as the GPT-2 family has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

import torch
from torch.optim.optimizer import ParamsT

EPSILON = 1e-8


def even_out(gradient: torch.Tensor, *, iterations: int, temperature: float) -> torch.Tensor:
    """Return the direction that SinkGD takes instead of ``gradient``, of the same shape.

    Matrices (further dimensions are flattened into the columns): ``iterations`` times, rows are divided by their L1
    norms, then columns by theirs, then x becomes tanh(x / temperature); the result has the root mean square of the
    gradient. Vectors: x / ||x||_1, then tanh(x / temperature).
    """
    if gradient.dim() < 2:
        return torch.tanh(gradient / (gradient.abs().sum() + EPSILON) / temperature)
    matrix = gradient.flatten(start_dim=1)
    size = matrix.square().mean().sqrt()
    for _ in range(iterations):
        matrix = matrix / (matrix.abs().sum(dim=1, keepdim=True) + EPSILON)
        matrix = matrix / (matrix.abs().sum(dim=0, keepdim=True) + EPSILON)
        matrix = torch.tanh(matrix / temperature)
    matrix = matrix * (size / (matrix.square().mean().sqrt() + EPSILON))
    return matrix.view_as(gradient)


class SinkGD(torch.optim.Optimizer):
    """w becomes w * (1 - lr * weight_decay) - lr * even_out(g); there is no state."""

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        *,
        weight_decay: float = 0.0,
        iterations: int = 5,
        temperature: float = 0.1,
    ) -> None:
        """Check and keep the options.

        Raises:
            ValueError: an option is negative, or ``temperature`` is zero.
        """
        for name, value in (("lr", lr), ("weight_decay", weight_decay), ("iterations", iterations)):
            if value < 0:
                raise ValueError(f"{name} is {value}, expected at least 0")
        if temperature <= 0:
            raise ValueError(f"temperature is {temperature}, expected more than 0")
        defaults = {"lr": lr, "weight_decay": weight_decay, "iterations": iterations, "temperature": temperature}
        super().__init__(params, defaults)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update all parameters that have a gradient; returns what ``closure`` returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                direction = even_out(parameter.grad, iterations=group["iterations"], temperature=group["temperature"])
                if group["weight_decay"] != 0:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(direction, alpha=-group["lr"])
        return loss
