"""What verbs know about decisions made before: the policy, the ledger and today."""

import os
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from parity.diagnose.outcome import Outcome
    from parity.findings.ledger import Ledger
    from parity.policy import Policy

_OFF: Final = ("", "0", "false")
WAIVERS: Final = click.option(
    "--waivers",
    type=click.Path(path_type=Path),
    default=Path("reports/waivers.toml"),
    show_default=True,
    help="The ledger of accepted findings.",
)


def today() -> date:
    """The day on which waivers are judged: the only clock, read at the edge."""
    return date.today()


def refuse_in_ci(verb: str) -> None:
    """Refuse to change what is accepted where nobody looks.

    Raises:
        UsageError: the environment says that this is continuous integration.
    """
    from parity.errors import UsageError

    setting = os.environ.get("CI", "")
    if setting.lower() not in _OFF:
        message = f"parity {verb} is refused in CI (CI={setting}): run it on your own machine and commit what it writes"
        raise UsageError(message)


def policy_in(path: Path | None) -> "Policy | None":
    """The policy in the file ``path``; None without a file."""
    from parity.policy import read_policy

    return None if path is None else read_policy(path)


def ledger_in(waivers: Path, policy: "Policy | None", *, whole: bool = False) -> "Ledger":
    """What was decided before; ``whole`` says that the pairs of ``policy`` are all there are."""
    from dataclasses import replace

    from parity.run.ledger import load_ledger

    ledger = load_ledger(waivers, policy, today())
    return ledger if whole else replace(ledger, known=None)


def announce(ledger: "Ledger", outcomes: "Sequence[Outcome]") -> None:
    """Say on standard error which waivers that apply to ``outcomes`` end soon."""
    for waiver in ledger.ending:
        if any(waiver.concerns(one.pair, one.scenario) for one in outcomes):
            click.echo(f"parity: a waiver ends on {waiver.expires.isoformat()}: {waiver.title}", err=True)


def unknown_pairs(ledger: "Ledger", present: Collection[str]) -> int:
    """Say on standard error which waivers are for pairs that do not exist; the exit code that they deserve."""
    from parity.errors import PARITY, VIOLATED
    from parity.findings.ledger import strangers

    found = strangers(ledger, present)
    for charge in found:
        click.echo(f"parity: {charge.signature.title}: {charge.signature.candidate}", err=True)
    return VIOLATED if any(charge.gates for charge in found) else PARITY
