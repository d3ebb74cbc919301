"""``parity bisect``: find the first commit that does not train as the reference does."""

import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from parity.verbs.ledger import WAIVERS, today
from parity.verbs.options import CACHE, FRESH, JSON, NOISE, OUT, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.run.bisect import Bisection
    from parity.run.decisions import Decisions
    from parity.run.plan import Progress, Scenario


_BY_SIGNAL: Final = 128


@click.command()
@click.argument("command", required=False)
@click.option("--good", required=True, metavar="REV", help="A revision that trains as it should.")
@click.option("--bad", required=True, metavar="REV", help="A later one that does not.")
@click.option("--pair", help="Take the commands of this pair of the policy, instead of COMMAND.")
@click.option("--scenario", help="Which scenario of the pair; else the first one that trains.")
@click.option("--reference", metavar="CMD", help="What to compare with, run where you are; else COMMAND at --good.")
@click.option("--link", "links", multiple=True, type=click.Path(path_type=Path), help="A path that git does not hold.")
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@click.option("--rerun/--no-rerun", default=True, help="Run the reference again where something differs.")
@click.option("--zoom/--no-zoom", default=True, help="In the end, name the module and operation that differ.")
@WAIVERS
@NOISE
@recorded
@FRESH
@CACHE
@JSON
def bisect(
    command: str | None,
    good: str,
    bad: str,
    pair: str | None,
    scenario: str | None,
    reference: str | None,
    links: tuple[Path, ...],
    config: Path | None,
    output: Path,
    waivers: Path,
    *,
    rerun: bool,
    zoom: bool,
    noise_runs: int,
    recording: dict[str, Any],
    fresh: bool,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Find the first commit after --good whose COMMAND does not train as it did at --good.

    Each revision is checked out beside your working tree, which is left as it is; the directories are gone afterwards.
    A commit whose program does not run is skipped. A merge counts as one commit.
    """
    from contextlib import nullcontext

    from parity.policy import find_policy
    from parity.record.processes import start_fresh
    from parity.record.warm.launcher import WarmLauncher
    from parity.run import bisect as search
    from parity.run.decisions import decisions
    from parity.run.revisions import find_repository

    repository = find_repository(Path.cwd())
    decided = decisions(config or find_policy(Path.cwd()), waivers, today())
    wanted = _scenario(command, pair, scenario, recording, decided)
    wanted = replace(wanted, noise_runs=noise_runs, cache=cache, reruns=rerun, zooms=zoom)
    with _ended_by_sigterm(), nullcontext(start_fresh) if fresh else WarmLauncher() as launcher:
        hunt = search.Hunt(
            repository=repository,
            scenario=wanted if reference is None else replace(wanted, reference=reference),
            base=output / "bisect" / wanted.pair,
            ledger=decided.ledger,
            launcher=launcher,
            fixed=reference is not None,
            links=links,
        )
        found = search.bisect(hunt, repository.commit(good), repository.commit(bad), _tell, _progress())
    _print(found, hunt.base, as_json=as_json)
    sys.exit(found.exit_code)


@contextmanager
def _ended_by_sigterm() -> "Iterator[None]":
    """Let SIGTERM unwind the stack as Ctrl-C does: worktrees are not left behind."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(_BY_SIGNAL + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _scenario(
    command: str | None, pair: str | None, name: str | None, recording: dict[str, Any], decided: "Decisions"
) -> "Scenario":
    """What is run at every commit.

    Raises:
        UsageError: neither a command nor a pair is given, or both, or the pair has no such scenario.
    """
    from parity.errors import UsageError
    from parity.record.launch import Recording
    from parity.run.plan import Scenario, plan

    if (command is None) == (pair is None):
        message = "give the command to run at every revision, or --pair NAME of the policy: one of the two"
        raise UsageError(message)
    (world, *others) = recording.pop("world")
    if others:
        message = "--world takes one number of ranks here"
        raise UsageError(message)
    if command is not None:
        return Scenario(
            pair="command",
            name="first",
            reference=command,
            candidate=command,
            recording=Recording(world=world, **recording),
            tolerances=decided.tolerances("command"),
        )
    if decided.policy is None or pair is None:
        message = f"--pair {pair}: there is no [tool.parity] in a pyproject.toml from here upwards"
        raise UsageError(message)
    planned = [one for one in plan(decided.policy, [pair], full=True) if one.kind == "train"]
    chosen = next((one for one in planned if name in (None, one.name)), None)
    if chosen is None:
        message = f"{pair} trains in no scenario named {name!r}; it has: {', '.join(one.name for one in planned)}"
        raise UsageError(message)
    updates = recording["updates"]
    return chosen if updates is None else replace(chosen, recording=replace(chosen.recording, updates=updates))


def _tell(line: str) -> None:
    click.echo(f"parity: {line}", err=True)


def _progress() -> "Progress":
    """One line on standard error for each program that is run."""
    seen: list[str] = []

    def progress(scenario: "Scenario", stage: str, _: Path | None) -> None:
        line = f"  {scenario.within}: {stage}"
        if seen[-1:] != [line]:
            seen[:] = [line]
            click.echo(line, err=True)

    return progress


def _print(found: "Bisection", base: Path, *, as_json: bool) -> None:
    from parity.report.machine import to_json
    from parity.run.bisection import bisection_json, bisection_lines, next_command
    from parity.run.results import write_results

    report = write_results([found.outcome], base)
    if as_json:
        click.echo(to_json(bisection_json(found)), nl=False)
        return
    from rich.console import Console

    from parity.report.terminal import print_outcome

    for line in bisection_lines(found):
        click.echo(line)
    print_outcome(found.outcome, Console(highlight=False), report=report, next_command=next_command(found))
