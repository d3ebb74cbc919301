"""The steps of the ablation: which parts of GPT-2 are replaced in each, and when they begin to work."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trainers.gpt2.architecture import Architecture
from trainers.gpt2.kv_pruning import KVPruningAttention
from trainers.gpt2.model import GPT2, Block, CausalSelfAttention
from trainers.gpt2.reciprocal_attention import UnifiedRAttention
from trainers.gpt2.reciprocal_mlp import ReciprocalMLP

GOLDEN_SHARE = 1.0 / (1.0 + 1.618)
"""The share of positions that "learned" pruning keeps; it is a constant."""


@dataclass(frozen=True, kw_only=True)
class StepSizes:
    """Sizes and times that steps refer to; small ones serve small models."""

    low_size: int = 64
    large_low_size: int = 1152
    kept_positions: int = 391
    recent_positions: int = 64
    latent_channels: int = 32
    delay: int = 75


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


def steps(sizes: StepSizes, *, block_size: int) -> dict[str, Step]:
    """Return all steps by name.

    Some options of the original are without effect, and absent here: the wider MLP of V10, the gates per head of V16,
    and the pruning of V19, which was only reached with a reciprocal MLP.
    """
    mlp = Step(low_size=sizes.low_size, delay=sizes.delay)
    large_mlp = Step(low_size=sizes.large_low_size, delay=sizes.delay)
    learned = max(sizes.recent_positions, int(block_size * GOLDEN_SHARE))
    kept = replace(mlp, kept_positions=sizes.kept_positions, recent_positions=sizes.recent_positions)
    cut = Step(kept_positions=sizes.kept_positions, recent_positions=sizes.recent_positions)
    learned_kept = replace(large_mlp, kept_positions=learned, recent_positions=sizes.recent_positions)
    return {
        "V0": Step(),
        "V1": Step(rank=4),
        "V2": Step(rank=4, self_restart=True),
        "V3": Step(rank=4, low_size=sizes.low_size),
        "V4": Step(rank=4, low_size=sizes.low_size, has_mixer=True),
        "V5": Step(rank=4, low_size=sizes.low_size, has_gate=True),
        "V6": Step(rank=4, low_size=sizes.low_size, has_mixer=True, has_gate=True),
        "V7": Step(rank=8),
        "V8": Step(rank=8, self_restart=True),
        "V9": Step(rank=2),
        "V10": Step(rank=4, self_restart=True),
        "V11": mlp,
        "V12": Step(rank=4, delay=sizes.delay),
        "V13": large_mlp,
        "V14": kept,
        "V15": learned_kept,
        "V16": Step(rank=4, waits_for_calm=True),
        "V17": replace(kept, delay=None, waits_for_calm=True),
        "V18": replace(learned_kept, delay=None, waits_for_calm=True),
        "V19": Step(),
        "C1": replace(cut, latent_channels=sizes.latent_channels),
        "C2": replace(cut, latent_channels=sizes.latent_channels // 2),
        "C3": replace(cut, latent_channels=sizes.latent_channels // 4),
    }


def find_step(name: str, sizes: StepSizes, *, block_size: int) -> Step:
    """Return one step.

    Raises:
        ValueError: there is no such step.
    """
    known = steps(sizes, block_size=block_size)
    if name not in known:
        raise ValueError(f"step is {name!r}, expected one of {', '.join(known)}")
    return known[name]


def apply_step(model: GPT2, step: Step) -> None:
    """Replace parts of the model, block by block, attention first."""
    for block in model.transformer.h:
        assert isinstance(block, Block)
        _replace_parts(block, step, model.architecture)


def _replace_parts(block: Block, step: Step, architecture: Architecture) -> None:
    if step.rank is not None:
        block.attn = UnifiedRAttention(architecture, rank=step.rank, self_restart=step.self_restart)
    if step.kept_positions is not None:
        assert isinstance(block.attn, CausalSelfAttention)
        block.attn = KVPruningAttention(
            block.attn,
            block_size=architecture.block_size,
            keep=step.kept_positions,
            recent=step.recent_positions,
            latent=step.latent_channels,
        )
    if step.low_size is not None:
        block.mlp = ReciprocalMLP(
            architecture, low_size=step.low_size, has_mixer=step.has_mixer, has_gate=step.has_gate
        )
