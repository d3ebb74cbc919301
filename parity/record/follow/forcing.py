"""Putting the reference's values in the place of a program's own."""

from collections.abc import Mapping
from functools import cache
from typing import Any


def put(tensor: Any, value: Any) -> bool:
    """Write ``value`` into ``tensor``, unless there is none; whether there was one.

    Through ``.data``: autograd must not see it, and the tensor stays the object that the program and its graphs know.
    """
    if value is None:
        return False
    tensor.data.copy_(value)
    return True


def substituted(arguments: Any, replaced: Mapping[int, Any]) -> Any:
    """``arguments`` with tensors replaced, by identity; tensors themselves may be views of a data set, and stay."""
    from torch.utils import _pytree

    return _pytree.tree_map(lambda leaf: replaced.get(id(leaf), leaf), arguments)


def passing(own: Any, value: Any) -> Any:
    """A tensor that holds ``value`` and hands its gradient on to ``own``."""
    return _passing().apply(own, value) if own.requires_grad else value.clone()


@cache
def _passing() -> Any:
    import torch

    class Passing(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, own: Any, value: Any) -> Any:  # noqa: ARG004
            return value.clone()

        @staticmethod
        def backward(_: Any, gradient: Any) -> Any:
            return gradient, None

    return Passing
