"""Importing a source and reading back what it became."""

from parity.trace.importers import import_run
from parity.trace.importers.points import Options
from parity.trace.store import read_trace


def imported(source, directory, kind="auto", **options):
    """Steps and values of every metric, as they are read back from the run; and what the import said."""
    found = import_run(source, directory / "run", kind=kind, options=Options(**options))
    (process,) = read_trace(directory / "run").processes
    assert {channel for channel, _ in process.series} == {"metric"}
    assert process.sealed is not None
    return {name: (one.updates.tolist(), one.values.tolist()) for (_, name), one in process.series.items()}, found
