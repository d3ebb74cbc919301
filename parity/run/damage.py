"""Spoiling the newest checkpoint between two runs, as a full disk or a killed write does."""

from pathlib import Path
from typing import Final

from parity.errors import CheckpointMissingError
from parity.run.saved import saved_files

_SPOILED: Final = 64


def damage_newest(out: Path, how: str) -> str:
    """Damage the checkpoint below ``out`` that was written last; return its name.

    ``truncate`` keeps the first half of the file; ``garble`` inverts bytes at its beginning and its end, where every
    format keeps what it needs to be read at all.

    Raises:
        CheckpointMissingError: no file below ``out`` holds tensors.
    """
    files = [name for unit in saved_files(out).units for name in unit.files]
    if not files:
        message = f"{out} holds no checkpoint to damage; let the first part of the scenario save one"
        raise CheckpointMissingError(message)
    newest = max(files, key=lambda name: ((out / name).stat().st_mtime_ns, name))
    path = out / newest
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if how == "truncate" else _garbled(content))
    return newest


def _garbled(content: bytes) -> bytes:
    head, middle, tail = content[:_SPOILED], content[_SPOILED:-_SPOILED], content[-_SPOILED:]
    return bytes(byte ^ 0xFF for byte in head) + middle + bytes(byte ^ 0xFF for byte in tail)
