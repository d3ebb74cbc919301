"""Runs on disk, written frame by frame."""

from pathlib import Path

import numpy as np

from parity.trace.channels import CHANNELS, Kind
from parity.trace.manifest import write_manifest
from parity.trace.store import read_process, read_trace
from parity.trace.wire import Writer, float_bits

HEADER = {"rank": 0, "world": 1, "pid": 1, "argv": [], "digest": "xxh3-64"}


def bits_of(writer, channel, value):
    """The 64-bit pattern that stands for ``value`` in ``channel``."""
    kind = CHANNELS[channel].kind
    if kind is Kind.FLOAT:
        return float_bits(value)
    if kind is Kind.TEXT:
        return writer.text(value)
    return value & ((1 << 64) - 1)


def write_observations(path, observations, *, header=None, seal=True):
    """Write ``(update, channel, name, value)`` in order, all in one flush."""
    writer = Writer(path, {**HEADER, **(header or {})})
    for update, channel, name, value in observations:
        writer.observe(update, channel, name, bits_of(writer, channel, value))
    if seal:
        writer.seal({})
    else:
        writer.flush()


def write_run(directory, observations=(), *, rank=0, file="rank0.trace", seal=True):
    directory.mkdir(parents=True, exist_ok=True)
    write_manifest(directory, {"command": "python train.py", "exit_status": 0})
    write_observations(directory / file, observations, header={"rank": rank}, seal=seal)
    return directory


def frame(kind, payload):
    """One frame with a right checksum, whatever it holds."""
    writer = Writer.__new__(Writer)
    writer._pending = bytearray()
    writer._append(kind, payload)
    return bytes(writer._pending)


def bits_in(series):
    return series.values.view(np.uint64).tolist() if series.channel.kind is Kind.FLOAT else series.values.tolist()


def content(process):
    """Everything that was read, in plain Python, floats by their bits. A series without values counts as not there."""
    return {
        "series": {key: (one.updates.tolist(), bits_in(one)) for key, one in process.series.items() if len(one)},
        "notes": list(process.notes),
        "sealed": process.sealed,
    }


def read_bytes(directory: Path, data: bytes):
    """Read ``data`` as the only process of a run."""
    path = directory / "rank0.trace"
    path.write_bytes(data)
    return read_process(path)


def read_bytes_as_run(directory: Path, data: bytes):
    write_manifest(directory, {})
    (directory / "rank0.trace").write_bytes(data)
    return read_trace(directory)
