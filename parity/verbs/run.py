"""``parity run``: run the pairs of the policy."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from parity.errors import UsageError
from parity.verbs.options import CACHE, FRESH, JSON, NOISE, OUT
from parity.verbs.scenarios import run_scenarios


@click.command()
@click.argument("pairs", nargs=-1)
@click.option("--full", is_flag=True, help="Run the scenarios of tier full too.")
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@NOISE
@FRESH
@CACHE
@JSON
def run(
    pairs: tuple[str, ...],
    config: Path | None,
    output: Path,
    *,
    full: bool,
    noise_runs: int,
    fresh: bool,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Run all scenarios of the policy's PAIRS, by default of every pair."""
    from parity.policy import find_policy, read_policy
    from parity.run.plan import plan

    path = config or find_policy(Path.cwd())
    if path is None:
        message = "no pyproject.toml with [tool.parity] here or above; name one with --config, or use: parity compare"
        raise UsageError(message)
    planned = plan(read_policy(path), pairs, full=full)
    scenarios = [replace(scenario, noise_runs=noise_runs, cache=cache) for scenario in planned]
    sys.exit(run_scenarios(scenarios, output, as_json=as_json, fresh=fresh))
