"""Running scenarios for a verb, and printing what came of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import ParityError
from parity.verbs.ledger import announce

if TYPE_CHECKING:
    from parity.compare.tolerance import Tolerance
    from parity.diagnose.outcome import Outcome
    from parity.findings.ledger import Ledger
    from parity.run.plan import Scenario


def explain(error: ParityError) -> None:
    """Say on standard error what is wrong and where more is written about it."""
    click.echo(f"parity: {error}\nparity: explained by: parity help {error.slug}", err=True)


def run_scenarios(
    scenarios: "Sequence[Scenario]",
    output: Path,
    ledger: "Ledger",
    *,
    as_json: bool,
    fresh: bool,
    fail_fast: bool = False,
    quiet: bool = False,
    jobs: int = 1,
) -> int:
    """Run scenarios pair by pair, ``jobs`` at once, decided by ``ledger``; write a pair's results when it is done."""
    from contextlib import nullcontext

    from parity.diagnose.ruling import ruled
    from parity.gate import exit_code
    from parity.record.processes import start_fresh
    from parity.record.warm.launcher import WarmLauncher
    from parity.run.jobs import run_at_once
    from parity.run.plan import by_pair
    from parity.run.progress import progress_shown
    from parity.run.results import write_results
    from parity.run.together import run_until_divergence
    from parity.run.worlds import across_worlds, counting

    done: list[Outcome] = []
    reports: list[tuple[list[Outcome], Path]] = []
    launching = nullcontext(start_fresh) if fresh else WarmLauncher()
    with launching as launcher, progress_shown(len(scenarios)) as progress:
        for pair, members in by_pair(counting(scenarios)):
            place = output / pair
            unready = _prepared(members, place)
            if unready:
                outcomes = unready
            elif fail_fast:
                outcomes = [run_until_divergence(scenario, place, progress, launcher) for scenario in members]
            else:
                outcomes = run_at_once(members, place, progress, launcher, jobs=jobs)
                outcomes += across_worlds(members, place)
            outcomes = ruled(outcomes, ledger)
            reports.append((outcomes, write_results(outcomes, output / pair)))
            done += outcomes
    for outcomes, path in reports:
        print_outcomes(outcomes, path, place=path.parent, as_json=as_json, quiet=quiet)
    announce(ledger, done)
    return exit_code(done)


def _prepared(members: "Sequence[Scenario]", place: Path) -> "list[Outcome]":
    """Set up the pair whose scenarios are ``members``; where its commands fail, it is what came of each of them."""
    from parity.diagnose.outcome import Outcome
    from parity.errors import ReferenceFailedError
    from parity.run.session import set_up

    try:
        set_up(members[0], place)
    except ReferenceFailedError as error:
        return [Outcome(pair=one.pair, scenario=one.name, error=error) for one in members]
    return []


def tolerances_in(policy: Path | None, pair: str) -> "tuple[Tolerance, ...]":
    """What the policy file ``policy`` accepts of the differences of ``pair``; nothing without a file."""
    if policy is None:
        return ()
    from parity.policy import read_policy
    from parity.run.plan import tolerances

    return tolerances(read_policy(policy), pair)


def print_outcomes(
    outcomes: "Sequence[Outcome]",
    report_path: Path | None,
    *,
    place: Path | None = None,
    as_json: bool,
    quiet: bool = False,
) -> None:
    """Print outcomes for people, or as JSON; an error explains itself on standard error.

    ``place`` is the directory of the pair whose outcomes these are, where there is one.
    """
    if as_json:
        from parity.report.machine import result_json, to_json

        results = [result_json(outcome) for outcome in outcomes]
        click.echo(to_json(results[0] if len(results) == 1 else results), nl=False)
        return
    from rich.console import Console

    from parity.report.advice import next_command
    from parity.report.terminal import print_outcome

    console = Console(highlight=False)
    advice = next_command(outcomes, place)
    for outcome in outcomes:
        following = advice if outcome is outcomes[-1] else ""
        print_outcome(outcome, console, report=report_path, next_command=following, quiet=quiet)
        # On a terminal, the lines above say it all.
        if outcome.error is not None and (quiet or not console.is_terminal):
            explain(outcome.error)
