"""Low-rank adaptation: a frozen matrix W, and a trained product of two narrow ones that is added to it.

A layer computes with W + alpha / rank * B A. Under its own name it holds ``main_weight``, the layer that it adapts,
``lora_A`` and ``lora_B``; in a checkpoint, which holds merged weights, the layer looks as if it had never been adapted.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

EMBEDDING_DEVIATION = 0.02
MAIN = ".main_weight."
TRAINED = (".lora_A", ".lora_B")


class LowRank(nn.Module, ABC):
    """A layer with a low-rank addition; ``scale`` is alpha / rank."""

    main_weight: nn.Linear | nn.Embedding

    def __init__(self, main: nn.Linear | nn.Embedding, *, rank: int, alpha: float) -> None:
        """Freeze the weight of ``main``; the factors are made by the subclass, where ``main`` is."""
        super().__init__()
        self.main_weight = main
        self.main_weight.weight.requires_grad = False
        self.scale = alpha / rank

    @abstractmethod
    def reset(self) -> None:
        """Start learning anew, from an addition that is zero; A is drawn from the global generator."""

    @abstractmethod
    def addition(self) -> torch.Tensor:
        """Return what is added to the weight, in its shape."""

    def merged_weight(self) -> torch.Tensor:
        """Return the weight of a plain layer that computes the same."""
        return self.main_weight.weight.detach() + self.addition().detach()

    @torch.no_grad()
    def merge(self) -> None:
        """Move what has been learned into the frozen weight, and start learning anew."""
        self.main_weight.weight.copy_(self.merged_weight())
        self.reset()


class LowRankLinear(LowRank):
    """W x + alpha / rank * B A x; a bias belongs to ``main_weight`` and is trained."""

    def __init__(self, main: nn.Linear, *, rank: int, alpha: float) -> None:
        """Adapt ``main`` by A of shape (rank, inputs) and B of shape (outputs, rank)."""
        super().__init__(main, rank=rank, alpha=alpha)
        self.lora_A = nn.Parameter(main.weight.new_empty(rank, main.in_features))
        self.lora_B = nn.Parameter(main.weight.new_empty(main.out_features, rank))
        self.reset()

    def reset(self) -> None:
        """Draw A as a linear layer is drawn by default, and empty B."""
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B)

    def addition(self) -> torch.Tensor:
        """Return alpha / rank * B A, of shape (outputs, inputs)."""
        return self.scale * self.lora_B @ self.lora_A

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (..., inputs) to (..., outputs)."""
        narrow = functional.linear(x, self.lora_A)
        y: torch.Tensor = self.main_weight(x) + self.scale * functional.linear(narrow, self.lora_B)
        return y


class LowRankEmbedding(LowRank):
    """E[i] + alpha / rank * B A[i], with one narrow row of A per token."""

    def __init__(self, main: nn.Embedding, *, rank: int, alpha: float) -> None:
        """Adapt ``main`` by A of shape (tokens, rank) and B of shape (channels, rank)."""
        super().__init__(main, rank=rank, alpha=alpha)
        self.lora_A = nn.Parameter(main.weight.new_empty(main.num_embeddings, rank))
        self.lora_B = nn.Parameter(main.weight.new_empty(main.embedding_dim, rank))
        self.reset()

    def reset(self) -> None:
        """Draw A as embeddings are drawn here, and empty B."""
        nn.init.normal_(self.lora_A, mean=0.0, std=EMBEDDING_DEVIATION)
        nn.init.zeros_(self.lora_B)

    def addition(self) -> torch.Tensor:
        """Return alpha / rank * A B^T, of shape (tokens, channels)."""
        return self.scale * self.lora_A @ self.lora_B.T

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (...) to (..., channels)."""
        narrow = functional.embedding(ids, self.lora_A)
        y: torch.Tensor = self.main_weight(ids) + self.scale * functional.linear(narrow, self.lora_B)
        return y


def with_rank(layer: nn.Module, *, rank: int, alpha: float) -> nn.Module:
    """Return a layer that computes the same as ``layer``, with an untrained addition of another rank; 0 means none."""
    if isinstance(layer, LowRank):
        layer.merge()
        layer = layer.main_weight
        layer.weight.requires_grad = True
    if rank == 0:
        return layer
    if isinstance(layer, nn.Embedding):
        return LowRankEmbedding(layer, rank=rank, alpha=alpha)
    assert isinstance(layer, nn.Linear), f"only linear layers and embeddings are adapted, not {type(layer).__name__}"
    return LowRankLinear(layer, rank=rank, alpha=alpha)


def rank_of(layer: nn.Module) -> int:
    """Return the rank of a layer's addition, 0 where it has none."""
    if not isinstance(layer, LowRank):
        return 0
    factor = layer.lora_B
    assert isinstance(factor, torch.Tensor), "B is a matrix"
    return factor.size(1)


def plain_weight(layer: nn.Module) -> torch.Tensor:
    """Return the weight that a linear layer or embedding computes with, additions merged in."""
    if isinstance(layer, LowRank):
        return layer.merged_weight()
    assert isinstance(layer, nn.Linear | nn.Embedding), f"{type(layer).__name__} has no matrix"
    return layer.weight.detach()


def low_rank_layers(model: nn.Module) -> dict[str, LowRank]:
    """List the adapted layers of a model by name."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LowRank)}


def merged_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict of ``model`` as if no layer had ever been adapted: additions are merged in."""
    layers = low_rank_layers(model)
    state: dict[str, torch.Tensor] = model.state_dict()
    if not layers:
        return state
    merged: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        layer, is_main, kind = name.partition(MAIN)
        if is_main:
            merged[f"{layer}.{kind}"] = layers[layer].merged_weight() if kind == "weight" else tensor
        elif not name.endswith(TRAINED):
            merged[name] = tensor
    return merged


def unmerged_names(state: Mapping[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """Name merged weights as the adapted layers of ``model`` name them; the additions are not among them."""
    renamed = dict(state)
    for layer in low_rank_layers(model):
        for kind in ("weight", "bias"):
            if f"{layer}.{kind}" in renamed:
                renamed[f"{layer}{MAIN}{kind}"] = renamed.pop(f"{layer}.{kind}")
    return renamed


@torch.no_grad()
def restore_additions(model: nn.Module, saved: Mapping[str, torch.Tensor]) -> None:
    """Put back what merged weights were made of, in layers that have an addition of the same rank again.

    Args:
        model: with the merged weights.
        saved: the parameters of the model that was saved, by name.
    """
    parameters = dict(model.named_parameters())
    for layer in low_rank_layers(model):
        names = [f"{layer}{MAIN}weight", *(f"{layer}{factor}" for factor in TRAINED)]
        if all(name in saved and saved[name].shape == parameters[name].shape for name in names):
            for name in names:
                parameters[name].copy_(saved[name])
