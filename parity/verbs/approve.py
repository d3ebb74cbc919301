"""``parity approve``: keep a report as the one that was read and agreed to."""

from pathlib import Path

import click

from parity.verbs import completing
from parity.verbs.ledger import refuse_in_ci
from parity.verbs.options import OUT


@click.command()
@click.argument("pairs", nargs=-1, required=True, shell_complete=completing.pairs)
@click.option("--results", type=click.Path(path_type=Path), default=OUT, show_default=True)
@click.option("--approved", type=click.Path(path_type=Path), default=Path("reports/approved"), show_default=True)
def approve(pairs: tuple[str, ...], results: Path, approved: Path) -> None:
    """Keep today's reports of PAIRS as the approved ones, which ``parity run --approved`` compares with; not in CI."""
    from parity.run.approved import approve as keep

    refuse_in_ci("approve")
    for pair in pairs:
        click.echo(f"approved  {keep(pair, results, approved)}")
