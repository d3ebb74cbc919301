"""``parity surface``: compare what two programs offer, from their source."""

import sys
from pathlib import Path

import click

from parity.verbs.options import JSON


@click.command()
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@JSON
def surface(reference: Path, candidate: Path, *, as_json: bool) -> None:
    """Compare the flags, steps, features and definitions of two programs, scripts or folders, without running them.

    Exit code 1 where a flag is missing, renamed, or has another default.
    """
    from parity.compare.surface import compare_surfaces
    from parity.report.surface import print_surfaces, surface_exit_code, surface_json
    from parity.surface.reading import read_surface

    ours, theirs = read_surface(reference), read_surface(candidate)
    differences = list(compare_surfaces(ours, theirs))
    if as_json:
        from parity.report.machine import to_json

        click.echo(to_json(surface_json(ours, theirs, differences)), nl=False)
    else:
        from rich.console import Console

        print_surfaces(ours, theirs, differences, Console(highlight=False, soft_wrap=True))
    sys.exit(surface_exit_code(differences))
