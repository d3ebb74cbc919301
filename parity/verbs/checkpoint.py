"""``parity checkpoint``: compare two checkpoints."""

import sys

import click

from parity.verbs.options import JSON


@click.command()
@click.argument("reference")
@click.argument("candidate")
@JSON
def checkpoint(reference: str, candidate: str, *, as_json: bool) -> None:
    """Compare two checkpoints, files or directories, without running anything that is in them."""
    from parity.run.checkpoints import compare_locations

    sys.exit(compare_locations(reference, candidate, as_json=as_json))
