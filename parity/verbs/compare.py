"""``parity compare``: run two training commands and compare them."""

import sys
from pathlib import Path
from typing import Any

import click

from parity.verbs.options import FRESH, JSON, OUT, recorded
from parity.verbs.scenarios import run_scenarios


@click.command()
@click.argument("reference")
@click.argument("candidate")
@click.option("--name", default="compare", show_default=True, help="Name of the pair, for its output directory.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUT, show_default=True)
@click.option("--rerun/--no-rerun", default=True, help="Run the reference again where something differs.")
@click.option("--fail-fast", is_flag=True, help="Run both sides together and stop them at the first divergence.")
@recorded
@FRESH
@JSON
def compare(
    reference: str,
    candidate: str,
    name: str,
    output: Path,
    *,
    recording: dict[str, Any],
    rerun: bool,
    fail_fast: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    """Run two training commands and compare everything that defines the training.

    {out} in a command stands for a fresh directory of each side. Several numbers of ranks, as in --world 1,2,4, make
    one scenario each.
    """
    from parity.record.launch import Recording
    from parity.run.plan import Scenario

    worlds = recording.pop("world")
    scenarios = [
        Scenario(
            pair=name,
            name="scratch" if len(worlds) == 1 else f"world-{world}",
            reference=reference,
            candidate=candidate,
            recording=Recording(world=world, **recording),
            reruns=rerun,
        )
        for world in worlds
    ]
    sys.exit(run_scenarios(scenarios, output, as_json=as_json, fresh=fresh, fail_fast=fail_fast))
