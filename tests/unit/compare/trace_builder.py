"""Small traces made by hand: what two runs left behind, without running anything."""

from pathlib import Path

import numpy as np

from parity.trace.channels import CHANNELS, Kind
from parity.trace.model import Process, Series, Trace

DTYPES = {Kind.FLOAT: np.float64, Kind.INTEGER: np.int64, Kind.DIGEST: np.uint64, Kind.TEXT: object}


def series(channel, values, name="", updates=None):
    """Values of one series, one for each update from 0 where ``updates`` says nothing else."""
    declared = CHANNELS[channel]
    at = range(len(values)) if updates is None else updates
    return Series(declared, name, np.array(at, dtype=np.int64), np.array(values, dtype=DTYPES[declared.kind]))


def process(*recorded, rank=0, digest="xxh3-64", sealed=True, lost_bytes=0, notes=()):
    return Process(
        file=f"rank{rank}.trace",
        header={"rank": rank, "digest": digest},
        series={one.key: one for one in recorded},
        notes=tuple(notes),
        sealed={} if sealed else None,
        lost_bytes=lost_bytes,
    )


def trace(*processes, command="python train.py", exit_status=0, **manifest):
    known = {"command": command, "exit_status": exit_status, **manifest}
    return Trace(Path("run"), known, processes)


def run(*recorded, **manifest):
    """A run of a single process."""
    return trace(process(*recorded), **manifest)


def parameters(contents, kind="float32[4]"):
    """The inventory of a model: initial content by parameter name; ``kind`` is one text, or one for each name."""
    found = []
    for name, content in contents.items():
        one = kind if isinstance(kind, str) else kind[name]
        found.append(series("parameter_kind", [one], name, updates=[-1]))
        found.append(series("parameter_initial", [content], name, updates=[-1]))
    return found


def buffers(contents):
    return [series("buffer_initial", [content], name, updates=[-1]) for name, content in contents.items()]


def shown(measurements):
    """Measurements as (channel, name, kind of difference, update, ordinal)."""
    return [(one.channel.name, one.name, one.difference.value, one.update, one.ordinal) for one in measurements]
