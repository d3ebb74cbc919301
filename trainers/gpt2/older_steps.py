"""The older steps of the ablation: 0 to 18 (RATIO), L0 to L7 (lens), S0 to S3 (optimizers), R0 to R3 (random walks)."""

from __future__ import annotations

from dataclasses import replace

from trainers.gpt2.lens import LensParts
from trainers.gpt2.random_walk import WalkParts
from trainers.gpt2.ratio import RatioParts
from trainers.gpt2.step import Step, StepSizes

THIRD = 10 / 3
"""Hidden channels per channel that leave attention and MLP in golden proportion where attention has a latent."""
SPIKE_AWARE = {"optimizer": "adamwspam"}


def older_steps(sizes: StepSizes) -> dict[str, Step]:
    """Return them by name.

    Without effect in the original, and absent here: the bias of columns of R3.
    """
    lens = LensParts(has_transpose=True, has_discovery=True, has_route=True)
    whole = replace(lens, latent=sizes.narrow, context_rank=sizes.narrow)
    walk = WalkParts(neighbours=sizes.walk_neighbours, window=sizes.walk_window)
    return {
        "0": Step(),
        "1": Step(options={**SPIKE_AWARE, "pruning_method": "magnitude", "target_sparsity": 0.5}),
        **{name: Step(ratio=parts) for name, parts in _ratios(sizes.narrow).items()},
        "L0": Step(lens=LensParts()),
        "L1": Step(lens=LensParts(has_transpose=True)),
        "L2": Step(lens=LensParts(has_discovery=True)),
        "L3": Step(lens=LensParts(has_transpose=True, has_discovery=True)),
        "L4": Step(lens=LensParts(has_transpose=True, has_discovery=True, has_mlp=False)),
        "L5": Step(lens=lens),
        "L6": Step(lens=whole),
        "L7": Step(lens=replace(whole, is_conducted=True)),
        "S0": Step(lens=whole, options=SPIKE_AWARE),
        "S1": Step(lens=whole, options=_sinkgd(0.1, 5)),
        "S2": Step(lens=whole, options=_sinkgd(0.05, 10)),
        "S3": Step(lens=whole, options=_sinkgd(0.2, 3)),
        "R0": Step(),
        "R1": Step(walk=walk),
        "R2": Step(walk=replace(walk, is_reversible=True)),
        "R3": Step(walk=replace(walk, is_reversible=True, forward_share=0.7)),
    }


def _ratios(latent: int) -> dict[str, RatioParts]:
    """Return the parts of the steps 2 to 18."""
    coupled = RatioParts(gates_heads=True, crosses_tokens=True)
    rows = RatioParts(row_gate="topk")
    narrow = RatioParts(latent=latent, expansion=THIRD)
    narrower = replace(coupled, latent=latent, expansion=8 / 3)
    return {
        "2": RatioParts(expansion=5.0),
        "3": RatioParts(expansion=4.25, gates_heads=True),
        "4": coupled,
        "5": RatioParts(has_band=True),
        "6": RatioParts(has_band=True, expansion=5.0),
        "7": replace(coupled, has_band=True),
        "8": RatioParts(latent=latent),
        "9": narrow,
        "10": narrower,
        "11": replace(narrow, has_band=True),
        "12": replace(narrower, has_band=True),
        "13": rows,
        "14": replace(narrow, row_gate="topk"),
        "15": replace(narrow, row_gate="topk", has_band=True),
        "16": replace(narrower, row_gate="topk", has_band=True),
        "17": replace(rows, gates_weights=True),
        "18": replace(rows, row_gate="entropy"),
    }


def _sinkgd(temperature: float, iterations: int) -> dict[str, object]:
    return {"optimizer": "sinkgd", "sinkgd_temperature": temperature, "sinkgd_iterations": iterations}
