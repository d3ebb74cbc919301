"""Weights that are drawn at the first forward pass instead of at construction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class LazilyDrawn(nn.Module):
    """A module whose matrices are drawn anew, by Xavier's rule, right before its first forward pass.

    When that is decides where in the sequence of random numbers the weights come from. Weights that were loaded stay.
    """

    def __init__(self) -> None:
        """Wait for the first forward pass."""
        super().__init__()
        self._is_drawn = False

    def matrices(self) -> Iterable[torch.Tensor]:
        """List what is drawn, in the order in which it is drawn."""
        raise NotImplementedError

    def draw_once(self) -> None:
        """Draw the matrices, unless that has been done or they were loaded."""
        if self._is_drawn:
            return
        self._is_drawn = True
        for matrix in self.matrices():
            nn.init.xavier_uniform_(matrix)

    def _load_from_state_dict(self, *arguments: Any, **options: Any) -> None:
        super()._load_from_state_dict(*arguments, **options)
        self._is_drawn = True
