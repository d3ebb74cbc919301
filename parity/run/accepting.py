"""From the fingerprint of a stored finding to the waiver that accepts exactly it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from glob import escape

from parity.errors import UsageError
from parity.findings.ledger import Charge
from parity.findings.waivers import Waiver
from parity.gate import Stored


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """Why, by whom and until when something is accepted."""

    reason: str
    owner: str
    expires: date


def waive(results: Sequence[Stored], fingerprint: str, acceptance: Acceptance, today: date) -> Waiver:
    """The waiver for the finding of ``results`` whose fingerprint begins with ``fingerprint``.

    Raises:
        UsageError: none or several of those that count do; or reason or owner are empty, or the end is past.
    """
    _check(acceptance, today)
    found = [
        (result, charge)
        for result in results
        if result.ruling is not None
        for charge in result.ruling.charges
        if charge.signature.fingerprint.startswith(fingerprint) and fingerprint
    ]
    counting = [(result, charge) for result, charge in found if charge.counts]
    if not found:
        message = (
            f"no stored finding has a fingerprint that begins with {fingerprint!r}; parity gate lists those that count"
        )
        raise UsageError(message)
    if not counting:
        result, charge = found[0]
        message = f"{charge.signature.title} in {result.name} does not count against parity: there is nothing to accept"
        raise UsageError(message)
    if len(counting) > 1:
        lines = "\n".join(
            f"  {charge.signature.fingerprint} {result.name}, {charge.signature.title}" for result, charge in counting
        )
        message = f"{fingerprint!r} may be any of these; give more of it, --pair or --scenario:\n{lines}"
        raise UsageError(message)
    return _waiver(*counting[0], acceptance)


def _check(acceptance: Acceptance, today: date) -> None:
    if acceptance.expires < today:
        message = f"the waiver would end on {acceptance.expires}, before today ({today}); expected a day to come"
        raise UsageError(message)
    for what in ("reason", "owner"):
        if not getattr(acceptance, what).strip():
            message = f"--{what} is empty; expected words that a reviewer understands in a year"
            raise UsageError(message)


def _waiver(result: Stored, charge: Charge, acceptance: Acceptance) -> Waiver:
    signature = charge.signature
    (name, *more) = signature.names
    return Waiver(
        pair=result.pair,
        scenario=escape(result.scenario),
        channel=signature.channel,
        # The fingerprint stands for several names together; one name is written down for whoever reads the ledger.
        name=escape(name) if name and not more and name.isprintable() else "*",
        verdict=signature.verdict,
        fingerprint=signature.fingerprint,
        update=signature.update,
        reference=signature.reference,
        candidate=signature.candidate,
        differing=signature.differing,
        size=signature.size,
        reason=acceptance.reason,
        owner=acceptance.owner,
        expires=acceptance.expires,
    )
