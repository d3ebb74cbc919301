"""The parts of a network by the names that operations call them."""

from __future__ import annotations

from torch import nn

from trainers.char_gpt.model import GPT
from trainers.common.errors import OperationError


def find_part(model: GPT, name: object) -> nn.Module:
    """Return ``wte``, ``wpe``, ``ln_f``, ``attn.<number>`` or ``ffn.<number>``.

    Raises:
        OperationError: the network has no such part.
    """
    transformer, blocks = model.transformer, model.blocks()
    if name == "wpe" and transformer.wpe is not None:
        return transformer.wpe
    if name == "wte":
        return transformer.wte
    if name == "ln_f":
        return transformer.ln_f
    kind, _, number = name.partition(".") if isinstance(name, str) else ("", "", "")
    if kind in ("attn", "ffn") and number.isdecimal() and int(number) < len(blocks):
        block = blocks[int(number)]
        return block.attn if kind == "attn" else block.mlp
    raise OperationError(f"no layer {name!r}")
