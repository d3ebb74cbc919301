"""Which differences are noise: all of the training's, or none of them.

The exact pass says where the sides part. Whether that matters is one question about the training as a whole: where any
number that it passes on leaves the noise, what came before it inside the noise is where it began. What is evaluated,
stored and printed passes nothing on and is judged by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from parity.compare.measurement import Measurement
from parity.compare.noise import ROUNDING, NoisePass, Scale, Weighing, can_be_weighed
from parity.compare.regrouping import GROUPED, PARTIAL, follows, same_samples
from parity.trace.channels import Phase

_COARSE: Final = 1e-4
"""Float32 gradients of short runs move by less than 1e-5, bfloat16 ones by more than 1e-3."""


@dataclass(frozen=True, kw_only=True)
class NoiseVerdict:
    """What the noise says about the differences that would count against parity.

    ``weighings`` holds those that have a size; ``cleared`` those that are no more than noise, or than another grouping
    of the same samples. ``coarse`` is the difference of one step from equal inputs that is more than rounding.
    ``omitted`` says why nothing was run to learn the noise. ``runs`` is the number of perturbed runs, ``scale`` what
    they were made into, for whoever draws the floor.
    """

    runs: int = 0
    weighings: Mapping[Measurement, Weighing] = field(default_factory=dict)
    cleared: frozenset[Measurement] = frozenset()
    regrouped: bool = False
    coarse: Measurement | None = None
    omitted: str = ""
    scale: Scale | None = None

    @property
    def worst(self) -> tuple[Measurement, Weighing] | None:
        """What exceeds its floor most, among what was cleared or else among everything."""
        found = {one: weighing for one, weighing in self.weighings.items() if one in self.cleared} or self.weighings
        return max(found.items(), key=lambda pair: pair[1].ratio, default=None)

    @property
    def blurred(self) -> float | None:
        """How far the reference's own gradients move, where that is so far that small defects hide in it."""
        floors = sorted(one.floor for key, one in self.weighings.items() if key.channel.name == "gradient")
        middle = floors[len(floors) // 2] if floors else 0.0
        return middle if middle > _COARSE else None

    @property
    def leaves(self) -> tuple[Measurement, Weighing] | None:
        """What leaves the noise first, None where nothing does."""
        out = [pair for pair in self.weighings.items() if pair[1].leaves is not None]
        return min(out, key=lambda pair: (pair[1].leaves, pair[0].phase, -pair[1].ratio), default=None)


def settle(gating: Sequence[Measurement], noise: NoisePass) -> NoiseVerdict:
    """Weigh the measurements that would count against parity, and clear those that are noise."""
    if noise.reference is None or noise.candidate is None:
        return NoiseVerdict(omitted=noise.omitted)
    regrouped = any(one.channel.name in GROUPED for one in gating) and same_samples(noise.reference, noise.candidate)
    grouped = {one for one in gating if regrouped and follows(one, noise.reference, noise.candidate)}
    scale = Scale(noise, regrouped=regrouped)
    weighings: dict[Measurement, Weighing] = {}
    for one in gating:
        if one not in grouped and (can_be_weighed(one) or (regrouped and one.channel.name in PARTIAL)):
            weighing = scale.weigh(one)
            if weighing is not None:
                weighings[one] = weighing
    inside = grouped | {one for one, weighing in weighings.items() if weighing.inside}
    coarse = _coarse([one for one in gating if one not in grouped], weighings)
    return NoiseVerdict(
        runs=len(noise.perturbed),
        weighings=weighings,
        cleared=frozenset() if coarse is not None else _cleared(gating, inside),
        regrouped=regrouped,
        coarse=coarse,
        scale=scale,
    )


def _cleared(gating: Sequence[Measurement], inside: Collection[Measurement]) -> frozenset[Measurement]:
    training = [one for one in gating if one.phase <= Phase.STATE]
    return frozenset(inside) if all(one in inside for one in training) else frozenset()


def _coarse(apart: Sequence[Measurement], weighings: Mapping[Measurement, Weighing]) -> Measurement | None:
    """What the first step from equal inputs makes too large for rounding; None where perturbation is the right measure.

    Where the sides part in or after clipping, gradients are equal, and what follows is arithmetic in the parameters'
    own precision. Perturbation moves gradients as well, in bfloat16 by so much that any defect of a step would hide.
    """
    first = min(apart, key=lambda one: one.place, default=None)
    if first is None or first.phase < Phase.CLIP or first.phase is Phase.EVAL:
        return None
    step = (one for one in apart if one.update == first.update and one.phase >= first.phase and one in weighings)
    return next((one for one in step if one.phase is not Phase.EVAL and weighings[one].first > ROUNDING), None)
