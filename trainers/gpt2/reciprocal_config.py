"""The options of a run with replaced parts, beyond and instead of those of a vanilla run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from trainers.common.config import build_config, flatten, option
from trainers.gpt2.architecture import SIZES
from trainers.gpt2.config import Gpt2Config, LengthConfig
from trainers.gpt2.reciprocal_mlp import EXPANSION
from trainers.gpt2.step import Step, StepSizes
from trainers.gpt2.steps import find_step, steps

_COUNTS = (
    "low_size",
    "large_low_size",
    "kept_positions",
    "recent_positions",
    "narrow_channels",
    "walk_neighbours",
    "walk_window",
    "calm_interval",
    "calm_window",
)
SMALLEST_LATENT = 4
"""C3 keeps a quarter of it."""
ALL_STEPS = tuple(f"V{number}" for number in range(20))


@dataclass(frozen=True, kw_only=True)
class ShorterBatchConfig(LengthConfig):
    """How many tokens make an update, and how many updates a run."""

    batch_size: int = option("sequences per micro-step and process", default=12)


@dataclass(frozen=True, kw_only=True)
class ReciprocalConfig:
    """Which parts are replaced, how large they are, and when they begin to work."""

    ra_step: str = option("the step: V0 to V19, C1 to C3, 0 to 18, L0 to L7, S0 to S3 or R0 to R3", default="V0")
    ablation_mode: bool = option("train several steps, each into a directory of its own", default=False)
    ablation_steps: str = option("ablation mode: comma-separated names", default=",".join(ALL_STEPS))
    chart: bool = option("ablation mode: draw ablation.svg, which needs the extra 'plots'", default=True)
    low_size: int = option("hidden channels on the low side of most reciprocal MLPs", default=64)
    large_low_size: int = option("the same in V13, V15 and V18", default=1152)
    kept_positions: int = option("positions whose values are kept in V14, V17 and C1 to C3", default=391)
    recent_positions: int = option("positions at the end that are always kept", default=64)
    latent_channels: int = option("channels of values per head in C1; half of it in C2, a quarter in C3", default=32)
    narrow_channels: int = option("of latents and contexts in 8 to 12, 14 to 16, L6, L7 and S0 to S3", default=128)
    walk_neighbours: int = option("R1 to R3: positions that a walk can go to from each", default=32)
    walk_window: int = option("R1 to R3: positions back that plain attention sees", default=128)
    activation_delay: int = option("the iteration at which sleeping parts wake up", default=75)
    calm_start: int = option("V16 to V18: the iteration from which the variance of the loss counts", default=250)
    calm_interval: int = option("V16 to V18: iterations between looks at it", default=50)
    calm_window: int = option("V16 to V18: losses that are looked at", default=100)
    calm_threshold: float = option("V16 to V18: parts wake up below this variance", default=0.02)


@dataclass(frozen=True, kw_only=True)
class UnifiedRAConfig(Gpt2Config):
    """The configuration of one run with replaced parts."""

    length: ShorterBatchConfig = field(default_factory=ShorterBatchConfig)
    reciprocal: ReciprocalConfig = field(default_factory=ReciprocalConfig)

    @property
    def sizes(self) -> StepSizes:
        """What steps refer to."""
        chosen = self.reciprocal
        return StepSizes(
            low_size=chosen.low_size,
            large_low_size=chosen.large_low_size,
            kept_positions=chosen.kept_positions,
            recent_positions=chosen.recent_positions,
            latent_channels=chosen.latent_channels,
            delay=chosen.activation_delay,
            narrow=chosen.narrow_channels,
            walk_neighbours=chosen.walk_neighbours,
            walk_window=chosen.walk_window,
        )

    @property
    def step(self) -> Step:
        """What is replaced.

        Raises:
            ValueError: there is no such step.
        """
        return find_step(self.reciprocal.ra_step, self.sizes, block_size=self.model.block_size)

    def with_options_of_step(self) -> UnifiedRAConfig:
        """Return the configuration in force: a few of the older steps bring an optimizer along."""
        return build_config(UnifiedRAConfig, {**flatten(self), **self.step.options})

    @property
    def iterations(self) -> int:
        """Updates to make, which do not depend on pruning here."""
        return self.length.max_iters

    def problems(self) -> Iterator[str]:
        """Give one sentence per value, or combination of values, that makes no sense."""
        chosen = self.reciprocal
        known = steps(self.sizes, block_size=self.model.block_size)
        yield from Gpt2Config.problems(self.with_options_of_step() if chosen.ra_step in known else self)
        for key in _COUNTS:
            if getattr(chosen, key) < 1:
                yield f"{key} is {getattr(chosen, key)}, expected at least 1"
        if chosen.latent_channels < SMALLEST_LATENT:
            yield f"latent_channels is {chosen.latent_channels}, expected at least {SMALLEST_LATENT}"
        if self.run.resume is not None and chosen.ablation_mode:
            yield "resume is for a single step; an ablation goes on by itself, from the first step that is not done"
        if chosen.ra_step not in known:
            yield f"ra_step is {chosen.ra_step!r}, expected one of {', '.join(known)}"
        elif self.model.model_name in SIZES:
            yield from self._fitting_problems(known[chosen.ra_step])

    def _fitting_problems(self, step: Step) -> Iterator[str]:
        size = SIZES[self.model.model_name]
        head_size, hidden = size.n_embd // size.n_head, EXPANSION * size.n_embd
        if step.rank is not None and step.rank >= head_size:
            yield f"{self.reciprocal.ra_step} needs heads of more than {step.rank} channels, these have {head_size}"
        if step.latent_channels is not None and step.latent_channels > head_size:
            yield (
                f"{self.reciprocal.ra_step} keeps {step.latent_channels} channels of values, heads have {head_size};"
                " use a smaller --latent-channels"
            )
        if step.low_size is not None and step.low_size >= hidden:
            key = "large_low_size" if step.low_size == self.reciprocal.large_low_size else "low_size"
            yield f"{key} is {step.low_size}, expected less than the {hidden} hidden channels"
