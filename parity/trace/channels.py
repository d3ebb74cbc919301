"""The vocabulary: every kind of observable, declared once.

A channel says when in an update it is observed (phase), what its values are (kind), what a difference in it means
(role) and whether it is polluted by an earlier numeric difference (carries). This module is also loaded inside
recorded programs, so it uses the standard library only.
"""

from .channel import Carries, Channel, Kind, Phase, Role
from .vocabulary import between, conduct, ending, following, micro_steps, setup, steps

_PARTS = (setup, micro_steps, steps, between, conduct, following, ending)

CHANNELS: dict[str, Channel] = {channel.name: channel for part in _PARTS for channel in part.CHANNELS}

__all__ = ["CHANNELS", "Carries", "Channel", "Kind", "Phase", "Role"]
