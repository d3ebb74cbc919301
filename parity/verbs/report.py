"""``parity report``: judge stored traces again."""

import sys
from pathlib import Path

import click

from parity.verbs.options import JSON, POLICY
from parity.verbs.scenarios import print_outcomes, tolerances_in


@click.command()
@click.argument("pair", type=click.Path(path_type=Path))
@POLICY
@JSON
def report(pair: Path, policy: Path | None, *, as_json: bool) -> None:
    """Judge the stored traces of a PAIR directory again, and write its report and results anew."""
    from parity.gate import exit_code
    from parity.run.results import judge_stored, write_results

    outcomes = judge_stored(pair, tolerances_in(policy, pair.resolve().name))
    path = write_results(outcomes, pair)
    print_outcomes(outcomes, path, as_json=as_json)
    sys.exit(exit_code(outcomes))
