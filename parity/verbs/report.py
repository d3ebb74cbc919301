"""``parity report``: judge stored traces again."""

import sys
from pathlib import Path

import click

from parity.verbs.ledger import WAIVERS, announce, ledger_in, policy_in
from parity.verbs.options import JSON, POLICY
from parity.verbs.scenarios import print_outcomes, tolerances_in


@click.command()
@click.argument("pair", type=click.Path(path_type=Path))
@POLICY
@WAIVERS
@JSON
def report(pair: Path, policy: Path | None, waivers: Path, *, as_json: bool) -> None:
    """Judge the stored traces of a PAIR directory again, and write its report and results anew."""
    from parity.diagnose.ruling import ruled
    from parity.gate import exit_code
    from parity.run.results import judge_stored, write_results

    ledger = ledger_in(waivers, policy_in(policy))
    outcomes = ruled(judge_stored(pair, tolerances_in(policy, pair.resolve().name)), ledger)
    announce(ledger, outcomes)
    path = write_results(outcomes, pair)
    print_outcomes(outcomes, path, as_json=as_json)
    sys.exit(exit_code(outcomes))
