"""What a step of the ablation is, and the sizes that steps refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainers.gpt2.lens import LensParts
from trainers.gpt2.random_walk import WalkParts
from trainers.gpt2.ratio import RatioParts


@dataclass(frozen=True, kw_only=True)
class StepSizes:
    """Sizes and times that steps refer to; small ones serve small models."""

    low_size: int = 64
    large_low_size: int = 1152
    kept_positions: int = 391
    recent_positions: int = 64
    latent_channels: int = 32
    delay: int = 75
    narrow: int = 128
    """Channels of the latents and contexts of the older steps."""
    walk_neighbours: int = 32
    walk_window: int = 128


@dataclass(frozen=True, kw_only=True)
class Step:
    """One row of the ablation; what is not mentioned is plain GPT-2."""

    rank: int | None = None
    """Channels per head of unified reciprocal attention."""
    self_restart: bool = False
    low_size: int | None = None
    """Hidden channels on the low side of the reciprocal MLP."""
    has_mixer: bool = False
    has_gate: bool = False
    kept_positions: int | None = None
    """Positions that pruned attention keeps."""
    recent_positions: int = 0
    latent_channels: int | None = None
    """Channels per head that pruned attention cuts the values to."""
    delay: int | None = None
    """The iteration at which the reciprocal parts wake up."""
    waits_for_calm: bool = False
    """The reciprocal parts wake up when the training loss has calmed down."""
    ratio: RatioParts | None = None
    lens: LensParts | None = None
    walk: WalkParts | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    """Options of the run that the step brings along, whatever the command line says."""
