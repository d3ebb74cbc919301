"""Comparing two checkpoints from start to end: read, measure, explain, say."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from parity.compare.tensors import Tick, quiet

WORTH_A_BAR: Final = 1 << 28
"""Bytes of a checkpoint for which somebody waits long enough to want to know how far it is."""


def compare_locations(reference: str, candidate: str, *, as_json: bool) -> int:
    """Compare two locations, print the result, and return the exit code.

    Raises CheckpointMissingError where one side does not exist.
    """
    from parity.checkpoint.reading import opened
    from parity.compare.checkpoints import compare_checkpoints
    from parity.diagnose.checkpoints.rules import checkpoint_causes
    from parity.findings.checkpoints import checkpoint_exit_code

    with opened(reference) as ours, opened(candidate) as theirs:
        with _progress(ours.nbytes) as tick:
            comparison = compare_checkpoints(ours, theirs, tick=tick)
        causes = checkpoint_causes(comparison)
    if as_json:
        from parity.report.checkpoints import checkpoint_json
        from parity.report.machine import to_json

        click.echo(to_json(checkpoint_json(comparison, causes)), nl=False)
    else:
        from rich.console import Console

        from parity.report.checkpoint_screen import print_checkpoints

        print_checkpoints(comparison, causes, Console(highlight=False))
    return checkpoint_exit_code(comparison)


@contextmanager
def _progress(size: int) -> Iterator[Tick]:
    """A bar on standard error for large checkpoints, where somebody is looking."""
    if size < WORTH_A_BAR or not sys.stderr.isatty():
        yield quiet
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("comparing", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=size)
        yield lambda done: bar.advance(task, done)
