"""``parity record``: run a command and leave its trace."""

import sys
from pathlib import Path
from typing import Any

import click

from parity.errors import UsageError
from parity.verbs.options import recorded


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory for the trace.")
@recorded
@click.option(
    "--live", is_flag=True, help="Show the position; the program's output goes to DIR/stdout.txt, stderr.txt."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def record(output: Path, command: tuple[str, ...], *, recording: dict[str, Any], live: bool) -> None:
    """Run COMMAND and leave its trace in a directory: parity record -o DIR -- python train.py ..."""
    from parity.record.launch import Recording
    from parity.record.launch import record as run_recorded

    world, *others = recording.pop("world")
    if others:
        message = (
            f"--world {','.join(map(str, (world, *others)))}: a recording has one world; use parity compare for several"
        )
        raise UsageError(message)
    chosen = Recording(world=world, **recording)
    if live:
        from parity.run.progress import position_shown

        with position_shown() as tick:
            status = run_recorded(list(command), output, chosen, streams=False, tick=tick)
    else:
        status = run_recorded(list(command), output, chosen)
    if (output / "manifest.json").is_file():
        click.echo(f"parity: recorded in {output}; next: parity diff {output} OTHER", err=True)
    sys.exit(status if status >= 0 else 128 - status)
