"""``parity compare``: run two training commands and compare them."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from parity.verbs.ledger import WAIVERS, ledger_in, policy_in
from parity.verbs.options import CACHE, FRESH, JSON, NOISE, OUT, POLICY, QUIET, recorded
from parity.verbs.scenarios import run_scenarios, tolerances_in


def _name(_: click.Context, option: click.Parameter, value: str) -> str:
    """``value``, where it names a directory of its own below that of the results."""
    if not re.fullmatch(r"\w[\w.-]*", value):
        message = f"{value!r} is no name of a directory; expected letters, digits, '-', '_' and '.', such as my-trainer"
        raise click.BadParameter(message, param=option)
    return value


@click.command()
@click.argument("reference")
@click.argument("candidate")
@click.option(
    "--name", default="compare", show_default=True, callback=_name, help="Name of the pair, for its output directory."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@click.option("--rerun/--no-rerun", default=True, help="Run the reference again where something differs.")
@click.option("--zoom/--no-zoom", default=True, help="Run both once more to name the module and operation that differ.")
@click.option("--fail-fast", is_flag=True, help="Run both sides together and stop them at the first divergence.")
@click.option("--follow", is_flag=True, help="Then run both in lockstep, to judge every phase on its own.")
@click.option("--replay", type=click.Choice(["fp32"]), help="Compare once more with both sides in float32.")
@NOISE
@POLICY
@WAIVERS
@recorded
@FRESH
@QUIET
@CACHE
@JSON
def compare(
    reference: str,
    candidate: str,
    name: str,
    output: Path,
    *,
    recording: dict[str, Any],
    rerun: bool,
    zoom: bool,
    noise_runs: int,
    policy: Path | None,
    waivers: Path,
    replay: str | None,
    fail_fast: bool,
    follow: bool,
    fresh: bool,
    quiet: bool,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Run two training commands and compare everything that defines the training.

    {out} in a command stands for a fresh directory of each side. Several numbers of ranks, as in --world 1,2,4, make
    one scenario each.
    """
    from parity.errors import UsageError
    from parity.record.launch import Recording
    from parity.run.plan import Scenario, in_float32

    if follow and fail_fast:
        message = "--follow needs whole runs and --fail-fast stops them: give one of the two"
        raise UsageError(message)
    worlds = recording.pop("world")
    scenarios = [
        Scenario(
            pair=name,
            name="scratch" if len(worlds) == 1 else f"world-{world}",
            reference=reference,
            candidate=candidate,
            recording=Recording(world=world, **recording),
            reruns=rerun,
            zooms=zoom,
            follows=follow,
            noise_runs=noise_runs,
            cache=cache,
            tolerances=tolerances_in(policy, name),
        )
        for world in worlds
    ]
    if replay:
        scenarios = [one for scenario in scenarios for one in (scenario, in_float32(scenario))]
    ledger = ledger_in(waivers, policy_in(policy))
    sys.exit(run_scenarios(scenarios, output, ledger, as_json=as_json, quiet=quiet, fresh=fresh, fail_fast=fail_fast))
