"""What a network looks like inside, computed from a copy of it: ranks, neighbourhoods, drift, attention entropy."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from trainers.char_gpt.attention import CausalSelfAttention
from trainers.char_gpt.lora import plain_weight
from trainers.char_gpt.model import GPT
from trainers.common.geometry import Neighbourhood, Rank, Spread, drift, effective_rank, neighbourhood

EMBEDDINGS = "embeddings"

NO_ENTROPY = -1.0
"""Stands for an entropy that could not be computed."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A network as it was before one iteration: a copy on the CPU, in evaluation mode, that nobody trains."""

    iteration: int
    model: GPT
    ids: torch.Tensor
    tokens: torch.Tensor
    seed: int

    def matrices(self) -> dict[str, torch.Tensor]:
        """The matrices that are looked at, by name."""
        found = {EMBEDDINGS: plain_weight(self.model.transformer.wte)}
        for number, block in enumerate(self.model.blocks()):
            found[f"attn.{number}.c_attn.weight"] = plain_weight(block.attn.c_attn)
            found[f"ffn.{number}.c_fc.weight"] = block.mlp.c_fc.weight.detach()
        return found


def take_snapshot(model: GPT, *, iteration: int, ids: torch.Tensor, tokens: torch.Tensor, seed: int) -> Snapshot:
    """Copy a network; neither its mode nor any random number generator is touched.

    Args:
        model: the network without wrappers.
        iteration: the one that has not been trained yet.
        ids: a batch of tokens, (B, T), for the attention.
        tokens: those whose embeddings are compared, (K,).
        seed: of the generator that samples similarities.
    """
    frozen = copy.deepcopy(model).cpu().eval()
    return Snapshot(iteration=iteration, model=frozen, ids=ids.cpu(), tokens=tokens, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What was found out about a snapshot, by matrix; ``drifts`` where there was one before of the same shapes."""

    iteration: int
    layers: int
    embeddings: Neighbourhood
    ranks: Mapping[str, Rank]
    drifts: Mapping[str, Spread]
    attention_entropy: float

    def metrics(self) -> dict[str, float]:
        """Return what trackers are told."""
        return {
            "analysis/iter": self.iteration,
            "analysis/neighbours": self.embeddings.neighbours.mean,
            "analysis/similarity": self.embeddings.mean,
            "analysis/attention_entropy": self.attention_entropy,
            **{f"analysis/rank/{name}": found.utilisation for name, found in self.ranks.items()},
            **{f"analysis/drift/{name}": found.mean for name, found in self.drifts.items()},
        }

    def lines(self) -> Iterator[str]:
        """Give the block of results, for the first layer, the middle and the last."""
        yield f"ASYNC ANALYSIS RESULTS FOR ITERATION {self.iteration}"
        near = self.embeddings.neighbours
        yield f"embeddings: neighbours {near.mean:.4f} ({near.tenth:.4f} to {near.ninetieth:.4f})"
        yield (
            f"embeddings: similarity {self.embeddings.mean:.4f} +- {self.embeddings.deviation:.4f} "
            f"({self.embeddings.tenth:.4f} to {self.embeddings.ninetieth:.4f})"
        )
        for layer in sorted({0, self.layers // 2, self.layers - 1}):
            for part in (f"ffn.{layer}", *(f"attn.{layer}.{name}" for name in "qkv")):
                yield f"rank of {part}: {self.ranks[part].rank} ({100 * self.ranks[part].utilisation:.2f}%)"
        shown = {f"{part}.{layer}." for layer in (0, self.layers // 2, self.layers - 1) for part in ("attn", "ffn")}
        for name, moved in self.drifts.items():
            if name == EMBEDDINGS or name.startswith(tuple(shown)):
                yield f"drift of {name}: {moved.mean:.4f} ({moved.tenth:.4f} to {moved.ninetieth:.4f})"
        yield f"attention entropy: {self.attention_entropy:.4f}"
        yield "END OF ANALYSIS"


def analyse(snapshot: Snapshot, before: Snapshot | None) -> Analysis:
    """Look at a snapshot, and at how it has moved since the one ``before``."""
    matrices, earlier = snapshot.matrices(), {} if before is None else before.matrices()
    generator = torch.Generator().manual_seed(snapshot.seed)
    ranks = {}
    for number in range(len(snapshot.model.transformer.h)):
        ranks[f"ffn.{number}"] = effective_rank(matrices[f"ffn.{number}.c_fc.weight"])
        for name, part in zip("qkv", matrices[f"attn.{number}.c_attn.weight"].chunk(3), strict=True):
            ranks[f"attn.{number}.{name}"] = effective_rank(part)
    return Analysis(
        iteration=snapshot.iteration,
        layers=len(snapshot.model.transformer.h),
        embeddings=neighbourhood(matrices[EMBEDDINGS][snapshot.tokens], generator=generator),
        ranks=ranks,
        drifts={
            name: drift(earlier[name], matrix)
            for name, matrix in matrices.items()
            if name in earlier and earlier[name].shape == matrix.shape
        },
        attention_entropy=attention_entropy(snapshot.model, snapshot.ids),
    )


@torch.no_grad()
def attention_entropy(model: GPT, ids: torch.Tensor) -> float:
    """Return the mean entropy in nats of what positions attend to, over layers, heads and positions.

    ``ids`` have to be where the model is. -1 where the attention is too large to be looked at as a whole.
    """
    found: list[torch.Tensor] = []

    def listen(attention: CausalSelfAttention, inputs: tuple[torch.Tensor]) -> None:
        found.append(torch.special.entr(attention.probabilities(inputs[0])).sum(dim=-1).mean())

    handles = [block.attn.register_forward_pre_hook(listen) for block in model.blocks()]
    try:
        model(ids)
    except RuntimeError:  # memory, as a rule; the other results are worth having
        return NO_ENTROPY
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(found).mean().item()
