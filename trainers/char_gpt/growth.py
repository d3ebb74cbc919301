"""Operations that give a network another size: more layers, wider ones, more tokens."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import nn

from trainers.char_gpt.model import GPT, MLP
from trainers.char_gpt.values import expect_count, expect_pair, is_count, is_number, refusal
from trainers.common.errors import OperationError

NEURON_NOISE = 1e-4
"""Neurons that are alike would learn the same for ever."""


def stack_layers(model: GPT, sources: object) -> None:
    """Make the layers copies of the layers numbered ``sources``, a list.

    Raises:
        OperationError: there are no such layers.
    """
    blocks = model.transformer.h
    if not isinstance(sources, list) or not sources:
        raise refusal(sources, f"a list of layers below {len(blocks)}")
    if not all(is_count(source, at_least=0) and source < len(blocks) for source in sources):
        raise refusal(sources, f"a list of layers below {len(blocks)}")
    model.transformer.h = nn.ModuleList([copy.deepcopy(blocks[source]) for source in sources])
    model.architecture = dataclasses.replace(model.architecture, n_layer=len(sources))


def widen_mlp(model: GPT, hidden: object) -> None:
    """Give each MLP ``hidden`` neurons, and let it compute what it did, nearly.

    Raises:
        OperationError: that is no more than there are.
    """
    narrow = model.architecture.hidden_size
    wide = expect_count(hidden, f"more than {narrow} neurons", at_least=narrow + 1)
    for block in model.blocks():
        widen(block.mlp, wide)
    model.architecture = dataclasses.replace(model.architecture, n_hidden=wide)


@torch.no_grad()
def widen(mlp: MLP, hidden: int, *, noise: float = NEURON_NOISE) -> None:
    """Let new neurons do what randomly chosen old ones do; neurons that do the same share what the one gave.

    The first neurons are the old ones. Both choice and ``noise``, a deviation, come from the global generators.
    """
    expand, contract = mlp.c_fc, mlp.c_proj
    narrow = expand.out_features
    source = torch.cat((torch.arange(narrow), torch.randint(narrow, (hidden - narrow,))))
    copies = torch.bincount(source)[source].to(expand.weight.device)
    rows = expand.weight[source]
    rows[narrow:] += noise * torch.randn_like(rows[narrow:])
    expand.weight = _replaced(expand.weight, rows)
    contract.weight = _replaced(contract.weight, contract.weight[:, source] / copies)
    if expand.bias is not None:
        expand.bias = _replaced(expand.bias, expand.bias[source])
    expand.out_features = contract.in_features = hidden


def _replaced(before: torch.Tensor, after: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(after, requires_grad=before.requires_grad)


def resize_vocabulary(model: GPT, value: object, *, size: int) -> None:
    """Add tokens up to ``size``, near one token: ``value`` lists that token and a deviation per channel.

    Raises:
        OperationError: there is no such token, or the model knows as many tokens already.
    """
    (source, noise), known = expect_pair(value, "a token and a deviation"), model.architecture.vocab_size
    if not is_count(source, at_least=0) or source >= known:
        raise refusal(source, f"a token below {known}")
    if not is_number(noise) or noise < 0:
        raise refusal(noise, "a deviation")
    if size <= known:
        raise OperationError(f"the model knows {known} tokens already, the data have {size}")
    model.resize_vocabulary(size, source=source, noise=noise)
