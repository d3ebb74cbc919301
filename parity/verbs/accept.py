"""``parity accept``: write findings into the ledger, so that they no longer count."""

from datetime import datetime
from pathlib import Path

import click

from parity.verbs import completing
from parity.verbs.ledger import WAIVERS, refuse_in_ci, today
from parity.verbs.options import OUT


@click.command()
@click.argument("findings", nargs=-1, required=True, shell_complete=completing.fingerprints)
@click.option("--reason", required=True, help="Why it is meant to differ.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option(
    "--expires",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The last day on which it is accepted.",
)
@click.option("--pair", shell_complete=completing.pairs, help="Look only at results of this pair.")
@click.option("--scenario", help="Look only at results of this scenario.")
@click.option("--results", type=click.Path(path_type=Path), default=OUT, show_default=True)
@WAIVERS
def accept(
    findings: tuple[str, ...],
    reason: str,
    owner: str,
    expires: datetime,
    pair: str | None,
    scenario: str | None,
    results: Path,
    waivers: Path,
) -> None:
    """Accept FINDINGS of stored results, named by their fingerprints or unambiguous beginnings of them.

    Reports and ``parity gate`` print the fingerprints. What is accepted is that defect in that scenario, and no other
    one in the same place; never in CI.
    """
    from parity.gate import read_results
    from parity.run.accepting import Acceptance, waive
    from parity.run.ledger import write_waivers

    refuse_in_ci("accept")
    acceptance = Acceptance(reason=reason, owner=owner, expires=expires.date())
    stored = [one for one in read_results(results) if pair in (None, one.pair) and scenario in (None, one.scenario)]
    accepted = [waive(stored, finding, acceptance, today()) for finding in findings]
    write_waivers(waivers, accepted)
    for one in accepted:
        click.echo(f"accepted  {one.title}")
    click.echo(f"parity: written to {waivers}; next: parity gate {results}", err=True)
