"""The documentation of the format, written from its declarations: what is documented is what is read and written."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from parity.trace.channels import CHANNELS, Channel, Phase
from parity.trace.device_digests import BLOCK, BLOCK_SUMS, LARGE
from parity.trace.frames import HISTORY, SCHEMA, FrameKind
from parity.trace.sketches import ALGORITHM, BUCKETS
from parity.trace.sketches import FRAMES as SKETCH_FRAMES
from parity.trace.sketches import SUFFIX as SKETCHES
from parity.trace.wire import FRAMES, SUFFIX
from parity.trace.zoom import HISTORY as ZOOM_HISTORY
from parity.trace.zoom import RECORDS as ZOOM_RECORDS
from parity.trace.zoom import SCHEMA as ZOOM_SCHEMA
from parity.trace.zoom import SUFFIX as ZOOM

_INTRODUCTION: Final = f"""\
# Trace format

<!-- Generated from the declarations in parity/trace by: python docs/generate.py -->

A run is a directory: `manifest.json` describes it, and each recorded process leaves `rankRANK-PID{SUFFIX}` beside it.
This is schema {SCHEMA}; a reader refuses any other.

The manifest is a JSON object with sorted keys and is only ever replaced as a whole. An imported run names its source
under `imported_from`, and under `precision` how exactly each of its series is known where that is less than exactly.
"""
_FRAMES: Final = """\
## Frames

A file is a sequence of frames and is only appended to. A frame is the magic `PT` (2 bytes), its kind (1 byte), the
length of its payload (u32), the CRC-32 of kind and payload (u32), and the payload; all numbers are little-endian.
A reader passes over kinds that it does not know and stops at the first frame that is torn or fails its checksum: what
was flushed before the process died stays readable. A file appears under its name with its whole header.
"""
_DIGESTS: Final = f"""\
## Digests

`xxh3-64` is over the bytes of a tensor in row-major order; without the package xxhash, `blake2b-64` stands in. In a
process that uses CUDA, what is trained, or trained on, and takes more than {LARGE >> 20} MiB is digested on the device:
the digest is over the 64-bit sums of its blocks of {BLOCK:,} elements (`{BLOCK_SUMS}`). The bits of each element, as an
integer, count times an odd number that belongs to its position in the block; the upper half of the product is folded
into the lower one.
"""
_SKETCHES: Final = f"""\
## Sketches

`rankRANK-PID{SKETCHES}` stands beside a trace where tensors were sketched: gradients and parameters at scheduled
updates, with `first:N` whatever else carries values, in the order of their digests, {BUCKETS} numbers each
(`{ALGORITHM}`). The length of the difference of two
sketches, over the length of the first, estimates the relative distance of two tensors that nobody stored.
"""
_ZOOM: Final = f"""\
## Close-ups

`rankRANK-PID{ZOOM}` stands beside the trace of a run that was made to look closely at one update: JSON lines, each an
object with sorted keys that names its `record`, in the order in which things happened. A tensor is `[digest, dtype with
shape, norm]`, or in operations its digest alone. This is schema {ZOOM_SCHEMA}.
"""
_CHANNELS: Final = """\
## Channels

The 8 bytes of a value are read as its channel's kind says: `float` a float64, bit for bit; `integer` an int64;
`digest` 64 bits over the content (the header names the algorithm); `text` the number of a text frame. The order of the
phases is the causal order. A difference in `behaviour` changes the training, one in `context` only its surroundings. A
channel that carries `values` inherits earlier numeric differences, one that carries `structure` does not.
"""


def document(observers: Mapping[str, Sequence[str]]) -> str:
    """The whole document; ``observers`` names the probes that observe each channel."""
    parts = [
        _INTRODUCTION,
        _FRAMES,
        _frame_table(FRAMES),
        _DIGESTS,
        _SKETCHES,
        _frame_table(SKETCH_FRAMES),
        _ZOOM,
        _table(("record", "what it holds"), [(f"`{name}`", said) for name, said in ZOOM_RECORDS.items()]),
        _table(("schema", "change"), [(str(at), said) for at, said in ZOOM_HISTORY.items()]),
        _CHANNELS,
        *(_phase(phase, observers) for phase in Phase),
        _history(),
    ]
    return "\n".join(parts)


def _frame_table(kinds: Iterable[FrameKind]) -> str:
    rows = [(f"`{kind.letter}`", kind.name, kind.payload) for kind in kinds]
    return _table(("kind", "name", "payload"), rows)


def _phase(phase: Phase, observers: Mapping[str, Sequence[str]]) -> str:
    rows = [
        (
            f"`{channel.name}`",
            channel.kind.value,
            channel.role.value,
            channel.carries.value,
            _meaning(channel),
            ", ".join(observers.get(channel.name, ())) or "the run as a whole",
        )
        for channel in CHANNELS.values()
        if channel.phase is phase
    ]
    head = ("channel", "kind", "role", "carries", "what it is", "probe")
    return f"### {int(phase)}. {phase.name.lower()}\n\n{_table(head, rows)}"


def _meaning(channel: Channel) -> str:
    unit = f", in {channel.unit}" if channel.unit else ""
    name = f"; by {channel.name_means}" if channel.name_means else ""
    return f"{channel.title}{unit}{name}"


def _history() -> str:
    return f"## Schema history\n\n{_table(('schema', 'change'), [(str(at), said) for at, said in HISTORY.items()])}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
