"""The shape of a network without low-rank additions: as it is, and as the operations of a schedule leave it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainers.char_gpt.architecture import Architecture
from trainers.char_gpt.schedule_file import Operation

LOW_RANK_KEYS = ("embedding_mode", "embedding_rank", "attn_lora_rank", "lora_alpha")
SHAPE_KEYS = tuple(field.name for field in dataclasses.fields(Architecture) if field.name not in LOW_RANK_KEYS)


def plain_shape(architecture: Architecture) -> dict[str, Any]:
    """Return the shape that a network has once additions are merged."""
    shape = dataclasses.asdict(architecture)
    return {key: shape[key] for key in SHAPE_KEYS}


def describe_shape(shape: Mapping[str, Any]) -> str:
    """Write a shape as JSON, by name."""
    return json.dumps(shape, sort_keys=True)


def target_shape(
    architecture: Architecture, operations: Iterable[Operation], *, data_vocabulary_size: int
) -> dict[str, Any]:
    """Return the shape that ``operations`` leave behind; values that will be refused change nothing."""
    shape = plain_shape(architecture)
    for operation in operations:
        name, value = operation["name"], operation["value"]
        if name == "stack_layers" and isinstance(value, list):
            shape["n_layer"] = len(value)
        elif name == "widen_mlp" and isinstance(value, int):
            shape["n_hidden"] = value
        elif name == "resize_vocabulary":
            shape["vocab_size"] = max(shape["vocab_size"], data_vocabulary_size)
    return shape


def departures(shape: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Give a warning for each of the ``wanted`` sizes that a shape does not have."""
    for key in sorted(wanted):
        if shape[key] != wanted[key]:
            yield (
                f"warning: the schedule leads to {key} {shape[key]!r}, target_architecture_config says {wanted[key]!r}"
            )
