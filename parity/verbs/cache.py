"""``parity cache``: the runs of references that are kept for the next comparison."""

import os
import shutil
import sys

import click

from parity.errors import UsageError
from parity.verbs.options import JSON

_MEGABYTE = 1 << 20


@click.command()
@click.option("--prune", is_flag=True, help="Drop what was used longest ago, until the rest is within the limit.")
@click.option("--clear", is_flag=True, help="Drop everything.")
@click.option(
    "--limit", type=click.IntRange(min=0), help="Limit in megabytes, for --prune; by default that of the cache."
)
@JSON
def cache(*, prune: bool, clear: bool, limit: int | None, as_json: bool) -> None:
    """List the runs that are kept, the last used first, or drop some.

    They lie in the directory PARITY_CACHE, else in that of this user; PARITY_CACHE=off keeps nothing.
    """
    from parity.report.machine import SCHEMA, to_json
    from parity.run.cache import find_cache

    if limit is not None and not prune:
        message = f"--limit {limit} is for --prune: parity cache --prune --limit {limit}"
        raise UsageError(message)
    found = find_cache(os.environ)
    if found is None:
        message = "PARITY_CACHE=off: there is no cache; unset it, or name a directory"
        raise UsageError(message)
    if prune or clear:
        dropped = found.prune(0 if clear else found.limit if limit is None else limit * _MEGABYTE)
        click.echo(f"parity: dropped {len(dropped)} of the runs in {found.root}", err=True)
    entries = found.entries()
    if as_json:
        runs = [{"command": one.content["command"], "size": one.size, "place": str(one.place)} for one in entries]
        click.echo(to_json({"schema": SCHEMA, "root": str(found.root), "limit": found.limit, "runs": runs}), nl=False)
        return
    # A terminal gets one line for each.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for one in entries:
        line = f"{one.place.parent.name[:12]}  {one.size / _MEGABYTE:9.1f} MB  {one.content['command']}"
        click.echo(line if width is None or len(line) <= width else f"{line[: width - 3]}...")
    total = sum(one.size for one in entries) / _MEGABYTE
    click.echo(f"{len(entries)} runs, {total:.1f} of {found.limit // _MEGABYTE:,} MB in {found.root}")
