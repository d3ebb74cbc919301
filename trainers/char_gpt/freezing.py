"""Operations that decide which parameters are trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn

from trainers.char_gpt.lora import low_rank_layers
from trainers.char_gpt.model import GPT
from trainers.char_gpt.parts import find_part
from trainers.char_gpt.values import refusal
from trainers.common.errors import OperationError


def finetune_embedding(model: GPT, is_on: object) -> None:
    """Train the token embedding, and the output layer that it is, alone; or everything again.

    Raises:
        OperationError: ``is_on`` is neither true nor false.
    """
    if not isinstance(is_on, bool):
        raise refusal(is_on, "true or false")
    _train((model.transformer.wte if is_on else model).parameters(), model)


def freeze_embedding(model: GPT, is_on: object) -> None:
    """Leave the token embedding, and the output layer that it is, as they are; or train them again.

    Raises:
        OperationError: ``is_on`` is neither true nor false, or nothing would be left to train.
    """
    if not isinstance(is_on, bool):
        raise refusal(is_on, "true or false")
    _change(model.transformer.wte, model, is_trained=not is_on)


def freeze_layer(model: GPT, name: object) -> None:
    """Leave one part of the network as it is.

    Raises:
        OperationError: there is no such part, or nothing would be left to train.
    """
    _change(find_part(model, name), model, is_trained=False)


def unfreeze_layer(model: GPT, name: object) -> None:
    """Train one part of the network again.

    Raises:
        OperationError: there is no such part.
    """
    _change(find_part(model, name), model, is_trained=True)


def restore_frozen(model: GPT, saved: Mapping[str, torch.Tensor]) -> None:
    """Train those parameters that were trained when they were ``saved``; those of other names stay as they are."""
    for name, parameter in model.named_parameters():
        if name in saved:
            parameter.requires_grad_(saved[name].requires_grad)


def _change(part: nn.Module, model: GPT, *, is_trained: bool) -> None:
    """Train the parameters of a part, or do not; all others as before."""
    inside = {id(parameter) for parameter in part.parameters()}
    _train((one for one in model.parameters() if (is_trained if id(one) in inside else one.requires_grad)), model)


def _train(wanted: Iterable[nn.Parameter], model: GPT) -> None:
    """Train these parameters alone; what an addition belongs to stays frozen."""
    adapted = {id(layer.main_weight.weight) for layer in low_rank_layers(model).values()}
    chosen = {id(parameter) for parameter in wanted} - adapted
    if not chosen:
        raise OperationError("nothing would be left to train")
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in chosen)
