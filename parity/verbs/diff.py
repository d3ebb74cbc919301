"""``parity diff``: compare two recorded traces."""

import sys
from pathlib import Path

import click

from parity.verbs.options import JSON, POLICY, QUIET
from parity.verbs.scenarios import print_outcomes, tolerances_in


@click.command()
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--rerun", type=click.Path(path_type=Path), help="Trace of a second run of the reference.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the Markdown report to this file.")
@POLICY
@QUIET
@JSON
def diff(
    reference: Path,
    candidate: Path,
    rerun: Path | None,
    output: Path | None,
    policy: Path | None,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compare two recorded traces."""
    from parity.compare.engine import compare as measure
    from parity.gate import exit_code
    from parity.report.discrepancy import discrepancy_report
    from parity.report.house import TEMPLATES
    from parity.report.markdown import render_markdown
    from parity.run.session import conclude, require_candidate
    from parity.run.truncation import doubted, intact
    from parity.trace.store import read_trace

    ours, theirs = intact(read_trace(reference), read_trace(candidate))
    require_candidate(theirs)
    again = measure(ours, read_trace(rerun)) if rerun else None
    tolerances = tolerances_in(policy, reference.name)
    outcome = doubted(conclude(reference.name, candidate.name, measure(ours, theirs), again, tolerances=tolerances))
    if output is not None:
        output.write_text(render_markdown(discrepancy_report([outcome]), TEMPLATES), encoding="utf-8")
    print_outcomes([outcome], output, as_json=as_json, quiet=quiet)
    sys.exit(exit_code([outcome]))
