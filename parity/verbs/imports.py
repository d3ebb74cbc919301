"""``parity import``: a run from what a tracker or a log holds."""

from pathlib import Path

import click


@click.command(name="import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory for the run.")
@click.option(
    "--kind",
    type=click.Choice(["auto", "tensorboard", "wandb", "trackio", "csv", "jsonl", "log"]),
    default="auto",
    show_default=True,
)
@click.option("--pattern", metavar="REGEX", help="For a log: named groups are metrics, the group 'step' the step.")
@click.option("--run", "run_name", metavar="NAME", help="Which run of a trackio database.")
def import_(source: Path, output: Path, kind: str, pattern: str | None, run_name: str | None) -> None:
    """Turn what a tracker or a log holds in SOURCE into a run whose metrics can be compared."""
    from parity.trace.importers import import_run
    from parity.trace.importers.points import Options

    found = import_run(source, output, kind=kind, options=Options(pattern=pattern, run=run_name))
    for remark in found.remarks:
        click.echo(f"parity: {remark}", err=True)
    tags = len({point.tag for point in found.points})
    click.echo(f"parity: {len(found.points)} values of {tags} metrics; next: parity diff {output} OTHER", err=True)
