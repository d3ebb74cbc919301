"""CountSketches: 64 numbers that stand for a tensor and let two traces estimate how far apart theirs were.

A sketch is linear: the sketch of a difference is the difference of the sketches, and its length estimates the length of
what was sketched. Every element has a random sign of its own and falls, by its index modulo a prime, into one of 64
buckets. Signs by row and column would be cheaper and are blind to swapped rows. The tables come from a hash function,
so they are the same on every machine and no random generator of the program is touched.

This module is also loaded inside recorded programs: the standard library only, and torch where it already is.
"""

import ctypes
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from .frames import Appender, FrameKind, json_bytes

SUFFIX: Final = ".sketches"
ALGORITHM: Final = "countsketch-64-1"
BUCKETS: Final = 64
FRAMES: Final = (
    FrameKind("H", "header", "JSON: schema, the trace beside it, sketch algorithm; always the first frame"),
    FrameKind("D", "declare", "JSON `[series, channel, name, elements]`: gives a series its number"),
    FrameKind("S", "sketches", f"i64 update, u32 count, count x u32 series, count x {BUCKETS} x float32"),
    FrameKind("E", "end", "JSON: sealed by the process itself"),
)
_HEAD: Final = struct.Struct("<qI")
_BLOCK: Final = (1 << 18) - 5
_PRIME: Final = 4099
_MOST_BLOCKS: Final = 1 << 16
_REGULAR: Final = 100


@dataclass(frozen=True)
class Schedule:
    """Which updates are sketched.

    ``auto``: 0 and every power of two, so that an early divergence has its size, and every hundredth; ``every:N``;
    ``last:N`` of a run whose number of updates is limited; ``first:N``, then as ``auto``; ``off``.
    """

    kind: Literal["auto", "every", "last", "first", "off"]
    count: int = 0

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """The schedule that ``text`` names.

        Raises:
            ValueError: it names none.
        """
        kind, colon, count = text.partition(":")
        if not colon and kind in ("auto", "off"):
            return cls("auto" if kind == "auto" else "off")
        for known in ("every", "last", "first"):
            if kind == known and count.isdecimal() and int(count):
                return cls(known, int(count))
        message = f"{text!r} is no schedule; expected auto, every:N, last:N, first:N or off"
        raise ValueError(message)

    def takes(self, update: int, limit: int | None) -> bool:
        """Whether ``update`` is sketched in a run that ends after ``limit`` updates."""
        if update < 0 or self.kind == "off":
            return False
        if self.kind == "every":
            return update % self.count == 0
        if self.kind == "last":
            return limit is not None and update >= limit - self.count
        return update < self.count or update & (update - 1) == 0 or update % _REGULAR == 0


class SketchWriter(Appender):
    """Writes the sketches of one process."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        super().__init__(path, {**header, "sketch": ALGORITHM})
        self._series: dict[tuple[str, str, int], int] = {}

    def add(self, update: int, sketches: list[tuple[str, str, int, Any]]) -> None:
        """Write ``(channel, name, elements, sketch)`` of one update, in the order of observation, in one go."""
        import torch

        ids = [self._number(channel, name, elements) for channel, name, elements, _ in sketches]
        values = torch.stack([sketch for *_, sketch in sketches]).cpu().contiguous()
        head = _HEAD.pack(update, len(ids)) + struct.pack(f"<{len(ids)}I", *ids)
        self._append(b"S", head + ctypes.string_at(values.data_ptr(), values.nbytes))
        self.flush()

    def _number(self, channel: str, name: str, elements: int) -> int:
        number = self._series.get((channel, name, elements))
        if number is None:
            number = self._series[channel, name, elements] = len(self._series)
            self._append(b"D", json_bytes([number, channel, name, elements]))
        return number


class Sketcher:
    """Makes sketches; the tables are built once for each device."""

    def __init__(self) -> None:
        self._tables: dict[Any, tuple[Any, Any]] = {}
        self._offsets: tuple[int, ...] = ()

    def sketch(self, tensor: Any) -> Any:
        """The sketch of ``tensor`` on its own device, in float32. Draws no random number, changes nothing."""
        import torch

        with torch.no_grad():
            flat = _flat(tensor)
            signs, buckets = self._table(flat.device)
            summed = self._signed_sum(flat, signs)
            whole = summed.numel() // _PRIME * _PRIME
            folded = summed[:_PRIME]
            if whole:
                folded = summed[:whole].view(-1, _PRIME).sum(0)
                folded[: summed.numel() - whole] += summed[whole:]
            into = torch.zeros(BUCKETS, dtype=torch.float32, device=flat.device)
            return into.index_add_(0, buckets[: folded.numel()], folded)

    def _signed_sum(self, flat: Any, signs: Any) -> Any:
        """All elements with their signs, blocks on top of each other; each block reads the signs from elsewhere."""
        import torch

        size = flat.numel()
        if size <= _BLOCK:
            return flat.to(torch.float32) * signs[:size]
        summed = torch.zeros(_BLOCK, dtype=torch.float32, device=flat.device)
        for number, start in enumerate(range(0, size, _BLOCK)):
            block = flat[start : start + _BLOCK].to(torch.float32)
            offset = self._offset(number)
            summed[: block.numel()].addcmul_(block, signs[offset : offset + block.numel()])
        return summed

    def _offset(self, number: int) -> int:
        if not self._offsets:
            raw = _random_bytes("offsets", 4 * _MOST_BLOCKS)
            self._offsets = tuple(value % _BLOCK for value in struct.unpack(f"<{_MOST_BLOCKS}I", raw))
        return self._offsets[number % _MOST_BLOCKS]

    def _table(self, device: Any) -> tuple[Any, Any]:
        """Signs of two blocks, and the bucket of each remainder."""
        import torch

        if device not in self._tables:
            raw = torch.tensor(list(_random_bytes("signs", _BLOCK // 4 + 1)), dtype=torch.uint8, device="cpu")
            bits = (raw.unsqueeze(1) >> torch.arange(8, dtype=torch.uint8, device="cpu")) & 1
            signs = bits.reshape(-1)[: 2 * _BLOCK].to(torch.float32).mul_(2).sub_(1)
            buckets = [byte % BUCKETS for byte in _random_bytes("buckets", _PRIME)]
            table = torch.tensor(buckets, dtype=torch.int64, device="cpu")
            self._tables[device] = signs.to(device), table.to(device)
        return self._tables[device]


def _random_bytes(what: str, count: int) -> bytes:
    return hashlib.shake_128(f"{ALGORITHM} {what}".encode()).digest(count)


def _flat(tensor: Any) -> Any:
    """The elements in row-major order; complex ones as two."""
    import torch

    tensor = tensor.detach()
    if hasattr(tensor, "to_local"):
        tensor = tensor.to_local()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor.resolve_neg().reshape(-1)
