"""``parity gate``: one verdict over stored results."""

import sys
from pathlib import Path

import click

from parity.verbs.options import JSON, OUT


@click.command()
@click.argument("results", type=click.Path(path_type=Path), default=OUT)
@JSON
def gate(results: Path, *, as_json: bool) -> None:
    """Turn all stored RESULTS into one verdict and one exit code."""
    from parity.gate import stored_exit_code

    code, verdicts = stored_exit_code(results)
    if as_json:
        from parity.report.machine import to_json

        listed = [{"name": name, "verdict": verdict} for name, verdict in verdicts]
        click.echo(to_json({"schema": 1, "exit_code": code, "results": listed}), nl=False)
    else:
        for name, verdict in verdicts:
            click.echo(f"{verdict}  {name}")
        click.echo("gate: passed" if code == 0 else f"gate: failed (exit code {code})")
    sys.exit(code)
