"""``parity run``: run the pairs of the policy."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import UsageError
from parity.verbs import completing
from parity.verbs.ledger import WAIVERS, ledger_in, refuse_in_ci, today, unknown_pairs
from parity.verbs.options import CACHE, FRESH, JSON, NOISE, OUT, QUIET
from parity.verbs.scenarios import run_scenarios

if TYPE_CHECKING:
    from parity.policy import Policy
    from parity.run.plan import Scenario


@click.command()
@click.argument("pairs", nargs=-1, shell_complete=completing.pairs)
@click.option("--full", is_flag=True, help="Run the scenarios of tier full too.")
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Scenarios that run at once."
)
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@click.option("--approved", is_flag=True, help="Show how each report differs from the approved one.")
@click.option(
    "--save-baseline",
    "saving",
    type=(str, click.DateTime(["%Y-%m-%d"])),
    metavar="OWNER YYYY-MM-DD",
    help="Store the reference's traces in reports/baselines, trusted until that day.",
)
@WAIVERS
@NOISE
@FRESH
@QUIET
@CACHE
@JSON
def run(
    pairs: tuple[str, ...],
    config: Path | None,
    output: Path,
    waivers: Path,
    *,
    full: bool,
    approved: bool,
    saving: tuple[str, datetime] | None,
    noise_runs: int,
    fresh: bool,
    jobs: int,
    quiet: bool,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Run all scenarios of the policy's PAIRS, by default of every pair."""
    from parity.policy import find_policy, read_policy
    from parity.run.plan import plan

    path = config or find_policy(Path.cwd())
    if path is None:
        message = (
            "no pyproject.toml with [tool.parity] here or above; write one with: parity init, name one with --config, "
            "or compare two commands without one: parity compare REFERENCE CANDIDATE"
        )
        raise UsageError(message)
    policy = read_policy(path)
    planned = plan(policy, pairs, full=full)
    ledger = ledger_in(waivers, policy, whole=True)
    scenarios = _shelved([replace(one, noise_runs=noise_runs, cache=cache) for one in planned], policy)
    if saving is not None:
        _check_saving(saving[1])
    code = run_scenarios(scenarios, output, ledger, as_json=as_json, quiet=quiet, fresh=fresh, jobs=jobs)
    names = list(dict.fromkeys(scenario.pair for scenario in scenarios))
    if saving is not None:
        _save(scenarios, output, *saving)
    if approved:
        _show_changes(names, output, as_json=as_json)
    sys.exit(max(code, unknown_pairs(ledger, [place.name for place in output.iterdir()])))


def _shelved(scenarios: "list[Scenario]", policy: "Policy") -> "list[Scenario]":
    """``scenarios``, with stored references where the policy wants them."""
    from parity.run.baselines import BASELINES, Shelf
    from parity.run.plan import from_shelf

    stored = {pair.name for pair in policy.pairs if pair.baseline}
    return [
        from_shelf(one, Shelf(place=BASELINES / one.pair, today=today())) if one.pair in stored else one
        for one in scenarios
    ]


def _check_saving(expires: datetime) -> None:
    refuse_in_ci("run --save-baseline")
    if expires.date() < today():
        message = f"a baseline trusted until {expires.date()} would be of no use: today is {today()}"
        raise UsageError(message)


def _save(scenarios: "list[Scenario]", output: Path, owner: str, expires: datetime) -> None:
    from parity.run.baselines import BASELINES, Provenance, revision, save_baseline
    from parity.run.plan import TRACE, Side, by_pair

    provenance = Provenance(
        owner=owner, made=today().isoformat(), expires=expires.date().isoformat(), revision=revision(Path.cwd())
    )
    whole = [one for one in scenarios if one.shelf is None and one.kind == "train" and one.prepare_reference is None]
    for pair, members in by_pair(whole):
        traces = {one.name: output / pair / one.name / Side.REFERENCE / TRACE for one in members}
        click.echo(f"parity: baseline {save_baseline(BASELINES / pair, traces, provenance)}", err=True)


def _show_changes(names: list[str], output: Path, *, as_json: bool) -> None:
    from parity.run.approved import APPROVED, changes

    for name in names:
        for line in changes(name, output, APPROVED):
            click.echo(line, err=as_json)
