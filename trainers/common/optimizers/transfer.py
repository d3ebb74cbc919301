"""Giving an optimizer the state that another one has saved: by the names of the parameters, or by their shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

MOMENT = "exp_avg"
"""The entry of a parameter's state that has the parameter's shape."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Which saved state goes to which parameter, both as indices."""

    indices: Mapping[int, int]
    parameters: int
    how: str = "by name"

    def line(self) -> str:
        """Say how many parameters got a state."""
        return f"Transferred optimizer state for {len(self.indices)} / {self.parameters} parameters ({self.how})"


def optimizer_order(named_parameters: Iterable[tuple[str, torch.Tensor]]) -> list[str]:
    """List the names of parameters as an optimizer over decay groups counts them: matrices first."""
    trainable = [(name, parameter) for name, parameter in named_parameters if parameter.requires_grad]
    return [name for name, parameter in trainable if parameter.dim() >= 2] + [
        name for name, parameter in trainable if parameter.dim() < 2
    ]


def match_by_name(
    shapes: Mapping[str, torch.Size], names: Sequence[str], states: Mapping[int, Mapping[str, Any]]
) -> Transfer:
    """Match parameters to the saved states of the same name and shape; ``names`` are those of the saved indices."""
    index_of = {name: index for index, name in enumerate(names) if index in states}
    indices = {
        index: index_of[name]
        for index, (name, shape) in enumerate(shapes.items())
        if name in index_of and states[index_of[name]][MOMENT].shape == shape
    }
    return Transfer(indices=indices, parameters=len(shapes))


def match_by_shape(shapes: Mapping[str, torch.Size], states: Mapping[int, Mapping[str, Any]]) -> Transfer:
    """Match each parameter to the first saved state of its shape that is still free, both in the optimizer's order."""
    indices: dict[int, int] = {}
    free, ambiguous = sorted(states), 0
    for index, shape in enumerate(shapes.values()):
        fitting = [saved for saved in free if states[saved][MOMENT].shape == shape]
        if fitting:
            indices[index] = fitting[0]
            free.remove(fitting[0])
            ambiguous += len(fitting) > 1
    return Transfer(indices=indices, parameters=len(shapes), how=f"by shape, {ambiguous} of them ambiguous")


def transfer_optimizer_state(
    optimizer: torch.optim.Optimizer,
    model: nn.Module,
    saved: Mapping[str, Any],
    names: Sequence[str],
) -> Transfer:
    """Load what was saved for the same parameters; the options of the groups stay those of this run.

    States of another shape are left out, and so are parameters that nothing was saved for: they begin anew.

    Args:
        optimizer: over the decay groups of ``model``.
        model: the model that is trained, without wrappers.
        saved: the state dict of an optimizer over decay groups.
        names: of the parameters in the order in which that optimizer counts them; empty where nobody knows.
    """
    parameters = dict(model.named_parameters())
    shapes = {name: parameters[name].shape for name in optimizer_order(parameters.items())}
    states = saved["state"]
    if len(names) == sum(len(group["params"]) for group in saved["param_groups"]):
        transfer = match_by_name(shapes, names, states)
    else:
        transfer = match_by_shape(shapes, states)
    state = {index: states[origin] for index, origin in transfer.indices.items()}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return transfer
