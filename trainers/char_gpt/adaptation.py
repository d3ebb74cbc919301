"""Operations on low-rank additions: their ranks, and merging them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import torch

from trainers.char_gpt.attention import CausalSelfAttention
from trainers.char_gpt.lora import low_rank_layers, rank_of, with_rank
from trainers.char_gpt.model import GPT
from trainers.char_gpt.parts import find_part
from trainers.char_gpt.values import expect_count, expect_pair
from trainers.common.errors import OperationError

EMBEDDING = "transformer.wte"


def set_attention_rank(model: GPT, rank: object) -> None:
    """Give query, key and value of all layers an addition of another rank.

    Raises:
        OperationError: ``rank`` is none.
    """
    checked = expect_count(rank, "a rank", at_least=0)
    for block in model.blocks():
        _adapt(block.attn, checked, model)
    model.architecture = dataclasses.replace(model.architecture, attn_lora_rank=checked)


def set_embedding_rank(model: GPT, rank: object) -> None:
    """Give the token embedding an addition of another rank.

    Raises:
        OperationError: ``rank`` is none.
    """
    checked = expect_count(rank, "a rank", at_least=0)
    transformer = model.transformer
    transformer.wte = with_rank(transformer.wte, rank=checked, alpha=model.architecture.lora_alpha)
    model.tie_embeddings()
    mode = "lora" if checked > 0 else "standard"
    model.architecture = dataclasses.replace(model.architecture, embedding_mode=mode, embedding_rank=checked)


def set_layer_rank(model: GPT, value: object) -> None:
    """Give one layer an addition of another rank: ``value`` lists ``wte`` or ``attn.<number>``, and the rank.

    Raises:
        OperationError: there is no such layer, or ``rank`` is none.
    """
    name, rank = expect_pair(value, "the name of a layer and a rank")
    checked = expect_count(rank, "a rank", at_least=0)
    if name == "wte":
        set_embedding_rank(model, checked)
        return
    part = find_part(model, name)
    if not isinstance(part, CausalSelfAttention):
        raise OperationError(f"{name!r} takes no addition, only 'wte' and 'attn.<number>' do")
    _adapt(part, checked, model)


def merge_additions(model: GPT, _value: object) -> None:
    """Move all that additions have learned into the frozen weights, and let them start anew.

    Raises:
        OperationError: there are none.
    """
    layers = low_rank_layers(model)
    if not layers:
        raise OperationError("no layer has an addition to merge")
    for layer in layers.values():
        layer.merge()


def restore_ranks(model: GPT, saved: Mapping[str, torch.Tensor], *, given: Collection[str]) -> None:
    """Give each layer the rank that it was saved with, unless ranks are among the keys ``given`` for this run.

    Operations give every layer a rank of its own, which the architecture does not tell.

    Args:
        model: before weights are loaded.
        saved: the parameters of the model that was saved, by name.
        given: the keys that somebody has set.
    """
    if "attn_lora_rank" not in given:
        for number, block in enumerate(model.blocks()):
            rank = _saved_rank(saved, f"transformer.h.{number}.attn.c_attn")
            if rank not in (None, rank_of(block.attn.c_attn)):
                _adapt(block.attn, rank, model)
    if not {"embedding_mode", "embedding_rank"} & set(given):
        rank = _saved_rank(saved, EMBEDDING)
        if rank not in (None, rank_of(model.transformer.wte)):
            set_embedding_rank(model, rank)


def _saved_rank(saved: Mapping[str, torch.Tensor], layer: str) -> int | None:
    factor = saved.get(f"{layer}.lora_B")
    if factor is not None:
        return factor.size(1)
    return 0 if f"{layer}.weight" in saved else None


def _adapt(attention: CausalSelfAttention, rank: int | None, model: GPT) -> None:
    assert rank is not None, "a rank that nobody knows is left alone"
    attention.c_attn = with_rank(attention.c_attn, rank=rank, alpha=model.architecture.lora_alpha)
