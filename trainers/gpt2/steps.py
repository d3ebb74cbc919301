"""The steps of the ablation: which parts of GPT-2 are replaced in each, and when they begin to work."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from trainers.gpt2.architecture import Architecture
from trainers.gpt2.kv_pruning import KVPruningAttention
from trainers.gpt2.lens import LensBlock
from trainers.gpt2.model import GPT2, Block, CausalSelfAttention
from trainers.gpt2.older_steps import older_steps
from trainers.gpt2.random_walk import WalkAttention
from trainers.gpt2.ratio import RatioBlocks
from trainers.gpt2.reciprocal_attention import UnifiedRAttention
from trainers.gpt2.reciprocal_mlp import ReciprocalMLP
from trainers.gpt2.step import Step, StepSizes

GOLDEN_SHARE = 1.0 / (1.0 + 1.618)
"""The share of positions that "learned" pruning keeps; it is a constant."""


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
        **older_steps(sizes),
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
    architecture = model.architecture
    blocks = model.transformer.h
    plain = [block for block in blocks if isinstance(block, Block)]
    if step.ratio is not None:
        model.transformer.h = nn.ModuleList([RatioBlocks(plain, architecture, step.ratio)])
        return
    for index, block in enumerate(plain):
        _replace_parts(block, step, architecture)
        if step.lens is not None:
            blocks[index] = LensBlock(block, architecture, step.lens)


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
    if step.walk is not None:
        assert isinstance(block.attn, CausalSelfAttention)
        block.attn = WalkAttention(block.attn, step.walk)
    if step.low_size is not None:
        block.mlp = ReciprocalMLP(
            architecture, low_size=step.low_size, has_mixer=step.has_mixer, has_gate=step.has_gate
        )
