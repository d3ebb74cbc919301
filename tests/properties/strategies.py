"""What hypothesis draws: series, processes and observations of every kind."""

import struct

import numpy as np
from hypothesis import strategies as st

from parity.trace.channels import CHANNELS, Kind
from parity.trace.model import Series
from tests.unit.compare.trace_builder import DTYPES, process

CHANNEL_OF = {Kind.FLOAT: "loss", Kind.INTEGER: "micro_steps", Kind.DIGEST: "batch", Kind.TEXT: "batch_shape"}
BITS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 1 << 63, 0x7FF8 << 48, 0xFFF8 << 48, 0x7FF0 << 48, 2**64 - 1])
ANY_TEXT = st.text(st.characters(), max_size=12) | st.text(st.sampled_from("\ud800\udfff\0\n a"), max_size=4)
NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
FEW_NAMES = st.sampled_from(["", "a", "b", "a.b"])


def float_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def values(kind):
    """Values of one kind; floats come by their bits, so that every NaN occurs."""
    return {
        Kind.FLOAT: BITS.map(float_of),
        Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
        Kind.DIGEST: BITS,
        Kind.TEXT: ANY_TEXT,
    }[kind]


def few_values(kind):
    """So few values that two series often agree."""
    return {
        Kind.FLOAT: st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf")]),
        Kind.INTEGER: st.integers(0, 2),
        Kind.DIGEST: st.integers(0, 2),
        Kind.TEXT: st.sampled_from(["", "a", "\ud800"]),
    }[kind]


@st.composite
def observations(draw):
    """``(update, channel, name, value)`` in the order of observation; updates never decrease."""
    updates = sorted(draw(st.lists(st.integers(-1, 5), max_size=25)))
    drawn = []
    for update in updates:
        channel = CHANNELS[draw(st.sampled_from(sorted(CHANNELS)))]
        drawn.append((update, channel.name, draw(FEW_NAMES | NAMES), draw(values(channel.kind))))
    return drawn


@st.composite
def series(draw, kind=None, name=""):
    kind = kind or draw(st.sampled_from(list(Kind)))
    updates = sorted(draw(st.lists(st.integers(-1, 4), max_size=6)))
    content = draw(st.lists(few_values(kind), min_size=len(updates), max_size=len(updates)))
    at, held = np.array(updates, dtype=np.int64), np.array(content, dtype=DTYPES[kind])
    return Series(CHANNELS[CHANNEL_OF[kind]], name, at, held)


@st.composite
def processes(draw, rank=0):
    """A process with a few series that are not empty, as a reader leaves it."""
    keys = draw(st.lists(st.tuples(st.sampled_from(list(Kind)), FEW_NAMES), unique=True, max_size=5))
    drawn = [draw(series(kind, name)) for kind, name in keys]
    return process(*(one for one in drawn if len(one)), rank=rank)
