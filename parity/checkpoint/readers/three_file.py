"""A model in three files, as custom trainers write it: NAME.bin, NAME.bin.embeddings and NAME.bin.decoder."""

from collections.abc import Iterable
from typing import Final

PARTS: Final = {"": "trunk", ".embeddings": "embeddings", ".decoder": "decoder"}
_TRUNK: Final = ".bin"


def three_files(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The systems among ``names``: by the name of the trunk, each file with the name of its part."""
    present = set(names)
    found: dict[str, dict[str, str]] = {}
    for name in sorted(present):
        parts = {name + suffix: part for suffix, part in PARTS.items() if name + suffix in present}
        if name.endswith(_TRUNK) and len(parts) > 1:
            found[name] = parts
    return found
