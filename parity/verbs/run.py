"""``parity run``: run the pairs of the policy."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from parity.errors import UsageError
from parity.verbs.ledger import WAIVERS, ledger_in, unknown_pairs
from parity.verbs.options import FRESH, JSON, NOISE, OUT
from parity.verbs.scenarios import run_scenarios


@click.command()
@click.argument("pairs", nargs=-1)
@click.option("--full", is_flag=True, help="Run the scenarios of tier full too.")
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@WAIVERS
@NOISE
@FRESH
@JSON
def run(
    pairs: tuple[str, ...],
    config: Path | None,
    output: Path,
    waivers: Path,
    *,
    full: bool,
    noise_runs: int,
    fresh: bool,
    as_json: bool,
) -> None:
    """Run all scenarios of the policy's PAIRS, by default of every pair."""
    from parity.policy import find_policy, read_policy
    from parity.run.plan import plan

    path = config or find_policy(Path.cwd())
    if path is None:
        message = "no pyproject.toml with [tool.parity] here or above; name one with --config, or use: parity compare"
        raise UsageError(message)
    policy = read_policy(path)
    planned = plan(policy, pairs, full=full)
    ledger = ledger_in(waivers, policy, whole=True)
    scenarios = [replace(scenario, noise_runs=noise_runs) for scenario in planned]
    code = run_scenarios(scenarios, output, ledger, as_json=as_json, fresh=fresh)
    sys.exit(max(code, unknown_pairs(ledger, [place.name for place in output.iterdir()])))
