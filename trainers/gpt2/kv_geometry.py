"""Values in fewer channels: bent by a spline, cut to their principal directions, and bent back.

A cache of values would hold the few coordinates in between. The spline, one per channel and monotone, is learned; the
directions are those of the first values that were ever seen.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

SEGMENTS = 6
REACH = 3.0
"""Standard deviations that the segments cover on both sides of the mean; beyond, the outer ones go on."""
WIDTH = 2.0 * REACH / SEGMENTS
STRAIGHT = math.log(math.e - 1.0)
"""What softplus makes 1 of."""
SMALLEST_DEVIATION = 1e-6


class KVGeometry(nn.Module):
    """A monotone piecewise linear map per channel, a projection to ``latent`` directions, and the map's inverse."""

    mean: torch.Tensor
    deviation: torch.Tensor
    basis: torch.Tensor
    fitted: torch.Tensor

    def __init__(self, channels: int, *, latent: int) -> None:
        """Begin with straight lines; the directions wait for the first values."""
        super().__init__()
        assert 0 < latent <= channels, f"{latent} of {channels} channels"
        self.latent = latent
        self.bend = nn.Parameter(torch.zeros(channels, SEGMENTS))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("basis", torch.zeros(channels, latent))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.long))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (B, H, T, D) to (B, H, T, D), of which only ``latent`` coordinates are free."""
        if self.fitted == 0:
            self._fit(values)
        slopes, heights = self._spline()
        bent = _bend((values.float() - self.mean) / self.deviation, slopes, heights)
        restored = _unbend(bent @ self.basis @ self.basis.T, slopes, heights)
        return (restored * self.deviation + self.mean).to(values.dtype)

    def _spline(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the slopes of the segments, (D, S), and the heights of their ends, (D, S + 1)."""
        slopes = functional.softplus(self.bend + STRAIGHT)
        return slopes, functional.pad(torch.cumsum(slopes, dim=-1) * WIDTH, (1, 0)) - REACH

    @torch.no_grad()
    def _fit(self, values: torch.Tensor) -> None:
        flat = values.float().reshape(-1, values.size(-1))
        self.mean.copy_(flat.mean(dim=0))
        self.deviation.copy_(flat.std(dim=0).clamp(min=SMALLEST_DEVIATION))
        flat = (flat - self.mean) / self.deviation
        # in the order of their eigenvalues, the smallest first
        vectors = torch.linalg.eigh(flat.T @ flat / flat.size(0)).eigenvectors
        self.basis.copy_(vectors[:, -self.latent :].flip(-1))
        self.fitted += 1


def _bend(x: torch.Tensor, slopes: torch.Tensor, heights: torch.Tensor) -> torch.Tensor:
    segment = ((x.detach() + REACH) / WIDTH).floor().long().clamp(0, SEGMENTS - 1)
    return _pick(heights, segment) + _pick(slopes, segment) * (x - (segment * WIDTH - REACH))


def _unbend(y: torch.Tensor, slopes: torch.Tensor, heights: torch.Tensor) -> torch.Tensor:
    segment = (y.detach().unsqueeze(-1) >= heights[:, 1:-1]).sum(dim=-1)
    return segment * WIDTH - REACH + (y - _pick(heights, segment)) / _pick(slopes, segment)


def _pick(table: torch.Tensor, segment: torch.Tensor) -> torch.Tensor:
    """Look up (D, S) at the segments (..., D) of the channels."""
    return torch.take_along_dim(table.expand(*segment.shape, -1), segment.unsqueeze(-1), -1).squeeze(-1)
