"""``parity export``: a run as one flat table."""

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="FILE.parquet, .jsonl or .csv.")
def export(run: Path, output: Path) -> None:
    """Write every value of a RUN into one flat table."""
    from parity.trace.export import export as write
    from parity.trace.store import read_trace

    click.echo(f"parity: {write(read_trace(run), output)} rows in {output}", err=True)
