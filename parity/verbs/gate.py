"""``parity gate``: one verdict over stored results."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.verbs.ledger import WAIVERS, ledger_in, policy_in, unknown_pairs
from parity.verbs.options import JSON, OUT

if TYPE_CHECKING:
    from parity.findings.ledger import Charge
    from parity.gate import Stored


@click.command()
@click.argument("results", type=click.Path(path_type=Path), default=OUT)
@click.option("--config", type=click.Path(path_type=Path), help="Policy file; else the nearest pyproject.toml.")
@WAIVERS
@JSON
def gate(results: Path, config: Path | None, waivers: Path, *, as_json: bool) -> None:
    """Turn all stored RESULTS into one verdict and one exit code, under today's rules and waivers."""
    from parity.errors import PARITY
    from parity.gate import gate as decide
    from parity.gate import read_results
    from parity.policy import find_policy

    policy = policy_in(config or find_policy(Path.cwd()))
    ledger = ledger_in(waivers, policy, whole=policy is not None)
    decided = decide(read_results(results), ledger)
    foreign = unknown_pairs(ledger, [one.pair for one in decided])
    code = max([foreign, *(one.exit_code for one in decided)], default=PARITY)
    if as_json:
        from parity.report.machine import to_json

        click.echo(to_json({"schema": 1, "exit_code": code, "results": [_listed(one) for one in decided]}), nl=False)
    else:
        for one in decided:
            _print(one)
        click.echo("gate: passed" if code == PARITY else f"gate: failed (exit code {code})")
    sys.exit(code)


def _listed(result: "Stored") -> dict[str, object]:
    from parity.report.ruling import charge_json

    ruling = result.ruling
    decided = [] if ruling is None else [one for one in ruling.charges if one.gates or one.lifted]
    return {
        "name": result.name,
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "charges": [charge_json(one) for one in decided],
    }


def _print(result: "Stored") -> None:
    from collections import Counter

    click.echo(f"{result.verdict}  {result.name}")
    if result.ruling is None:
        return
    for charge in result.ruling.gating:
        click.echo(f"  counts    {_told(charge)}")
    for why, number in Counter(charge.lifted for charge in result.ruling.lifted).items():
        click.echo(f"  accepted  {number} finding{'s' if number > 1 else ''}: {why}")
    first = next((one.signature.fingerprint for one in result.ruling.gating if one.signature.fingerprint), "")
    if first:
        options = f"--pair {result.pair} --scenario {result.scenario} --reason ... --owner ... --expires YYYY-MM-DD"
        click.echo(f"  next      where it is meant: parity accept {first} {options}")


def _told(charge: "Charge") -> str:
    signature = charge.signature
    detail = f"({signature.fingerprint})" if signature.fingerprint else f"({signature.candidate})"
    since = f" since update {signature.update}" if signature.update >= 0 else ""
    rule = f", by a rule of the gate: {charge.rule.reason}" if charge.rule is not None else ""
    return f"{signature.title}{since} {detail}{rule}"
