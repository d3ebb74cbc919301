"""``parity lint``: what a single run betrays by itself."""

import sys
from pathlib import Path

import click

from parity.verbs.options import JSON


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def lint(run: Path, *, as_json: bool) -> None:
    """Check what must hold in any RUN, whatever another one does.

    \b
    Exit codes: 0 nothing is violated, 1 something is, 3 nothing could be checked.
    """  # noqa: D301 - click reads the backspace
    from parity.invariants.lint import lint as check
    from parity.invariants.lint import lint_exit_code
    from parity.trace.store import read_trace

    results = check(read_trace(run))
    if as_json:
        from parity.report.invariants import lint_json
        from parity.report.machine import to_json

        click.echo(to_json(lint_json(results)), nl=False)
    else:
        from rich.console import Console

        from parity.report.invariants import print_lint

        print_lint(results, str(run), Console(highlight=False, soft_wrap=True))
    sys.exit(lint_exit_code(results))
