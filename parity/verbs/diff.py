"""``parity diff``: compare two recorded traces."""

import sys
from pathlib import Path

import click

from parity.verbs.ledger import WAIVERS, announce, today
from parity.verbs.options import JSON, POLICY, QUIET
from parity.verbs.scenarios import print_outcomes


@click.command()
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--rerun", type=click.Path(path_type=Path), help="Trace of a second run of the reference.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the Markdown report to this file.")
@click.option("--pair", help="Pair that tolerances, rules and waivers are for; else the one the traces lie under.")
@click.option("--scenario", help="Scenario that they are for; else the one the traces lie under.")
@POLICY
@WAIVERS
@QUIET
@JSON
def diff(
    reference: Path,
    candidate: Path,
    rerun: Path | None,
    output: Path | None,
    pair: str | None,
    scenario: str | None,
    policy: Path | None,
    waivers: Path,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compare two recorded traces.

    They are judged as parity compare judges: with the tolerances and rules of --policy, and the ledger of accepted
    findings.
    """
    from parity.compare.engine import compare as measure
    from parity.diagnose.ruling import ruled
    from parity.gate import exit_code
    from parity.run.conclusion import conclude, require_candidate
    from parity.run.decisions import decisions, names_of
    from parity.run.truncation import doubted, intact
    from parity.trace.store import read_trace

    ours, theirs = intact(read_trace(reference), read_trace(candidate))
    require_candidate(theirs)
    again = measure(ours, read_trace(rerun)) if rerun else None
    names = names_of(reference, candidate)
    pair, scenario = pair or names[0], scenario or names[1]
    decided = decisions(policy, waivers, today())
    outcome = conclude(pair, scenario, measure(ours, theirs), again, tolerances=decided.tolerances(pair))
    (outcome,) = (doubted(one) for one in ruled([outcome], decided.ledger))
    if output is not None:
        from parity.report.discrepancy import discrepancy_report
        from parity.report.house import TEMPLATES
        from parity.report.markdown import render_markdown

        output.write_text(render_markdown(discrepancy_report([outcome]), TEMPLATES), encoding="utf-8")
    announce(decided.ledger, [outcome])
    print_outcomes([outcome], output, as_json=as_json, quiet=quiet)
    sys.exit(exit_code([outcome]))
