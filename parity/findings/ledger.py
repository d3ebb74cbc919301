"""What was decided before anything was found: rules of the gate, and accepted findings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

from parity.findings.signature import Signature, read_signature
from parity.findings.waivers import Waiver

WAIVER: Final = "waiver"
"""The channel of what is wrong with waivers."""


@dataclass(frozen=True, kw_only=True)
class GateRule:
    """Whether findings of one kind make a comparison fail, and why. All but ``verdict`` and ``gates`` are patterns."""

    verdict: str
    gates: bool
    reason: str
    pair: str = "*"
    scenario: str = "*"
    channel: str = "*"
    name: str = "*"

    def covers(self, pair: str, scenario: str, signature: Signature) -> bool:
        """Whether it is about ``signature`` in ``scenario`` of ``pair``."""
        return (
            signature.verdict == self.verdict
            and fnmatchcase(pair, self.pair)
            and fnmatchcase(scenario, self.scenario)
            and fnmatchcase(signature.channel, self.channel)
            and all(fnmatchcase(name, self.name) for name in signature.names)
        )


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Something held against the candidate, or that could be.

    ``counts`` says whether it does by itself; ``gates`` whether it does after the first ``rule`` that covers it and,
    where it still would, the first ``waiver`` that does.
    """

    signature: Signature
    counts: bool
    gates: bool
    rule: GateRule | None = None
    waiver: Waiver | None = None

    @property
    def lifted(self) -> str:
        """Why it does not count although it would, by a waiver or by a rule; else empty."""
        if self.waiver is not None:
            return str(self.waiver)
        return self.rule.reason if self.rule is not None and self.counts and not self.gates else ""


def read_charge(content: Mapping[str, Any]) -> Charge:
    """A charge that a stored result holds, as it was before anything was decided about it.

    Raises:
        KeyError, TypeError, ValueError: ``content`` is none.
    """
    counts = bool(content["counts"])
    return Charge(signature=read_signature(content), counts=counts, gates=counts)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All decisions. ``today`` is the day of the judgement; ``known`` holds the scenarios that a policy has, by pair.

    Waivers that end within ``soon`` days are announced. Without a policy ``known`` is None: then nothing is known about
    pairs and scenarios beyond those that were run.
    """

    today: date
    waivers: tuple[Waiver, ...] = ()
    rules: tuple[GateRule, ...] = ()
    soon: int = 14
    known: Mapping[str, tuple[str, ...]] | None = field(default=None)

    def decide(self, pair: str, scenario: str, charge: Charge) -> Charge:
        """``charge`` with what the first rule and the first valid waiver that cover it make of it."""
        signature = charge.signature
        rule = next((one for one in self.rules if one.covers(pair, scenario, signature)), None)
        gates = charge.counts if rule is None else rule.gates
        waiver = next(
            (one for one in self.valid if gates and one.concerns(pair, scenario) and one.covers(signature)), None
        )
        return replace(charge, gates=gates and waiver is None, rule=rule, waiver=waiver)

    @property
    def valid(self) -> tuple[Waiver, ...]:
        """The waivers that have not expired."""
        return tuple(one for one in self.waivers if one.expires >= self.today)

    @property
    def ending(self) -> tuple[Waiver, ...]:
        """The waivers that expire soon."""
        return tuple(one for one in self.valid if (one.expires - self.today).days <= self.soon)


def complaints(ledger: Ledger, pair: str, charges: Mapping[str, Sequence[Charge]]) -> dict[str, list[Charge]]:
    """What is wrong with the waivers of ``pair``, by the scenario that shows it, decided by the ledger's rules.

    ``charges`` holds what was decided in each scenario that was compared.
    """
    found: dict[str, list[Charge]] = {}
    for waiver in ledger.waivers:
        if waiver.pair != pair or not charges:
            continue
        places = [scenario for scenario in charges if waiver.concerns(pair, scenario)]
        signature = _complaint(ledger, waiver, places, charges)
        if signature is not None:
            place = (places or list(charges))[0]
            charge = ledger.decide(pair, place, Charge(signature=signature, counts=True, gates=True))
            found.setdefault(place, []).append(charge)
    return found


def strangers(ledger: Ledger, present: Collection[str]) -> list[Charge]:
    """Waivers for pairs that the policy does not have, and that are not ``present`` either."""
    if ledger.known is None:
        return []
    foreign = [one for one in ledger.waivers if one.pair not in ledger.known and one.pair not in present]
    charges = (
        (one, Charge(signature=_about(one, "stale", "the policy has no such pair"), counts=True, gates=True))
        for one in foreign
    )
    return [ledger.decide(one.pair, "", charge) for one, charge in charges]


def _complaint(
    ledger: Ledger, waiver: Waiver, places: Sequence[str], charges: Mapping[str, Sequence[Charge]]
) -> Signature | None:
    if waiver.expires < ledger.today:
        return _about(waiver, "expired", f"it held until {waiver.expires.isoformat()}")
    seen = [charge for place in places for charge in charges[place]]
    if any(charge.waiver == waiver for charge in seen):
        return None
    names = None if ledger.known is None else ledger.known.get(waiver.pair, ())
    if not places:
        gone = names is not None and not any(_overlap(waiver.scenario, name) for name in names)
        return _about(waiver, "stale", "the pair has no such scenario") if gone else None
    if names is not None and any(fnmatchcase(name, waiver.scenario) and name not in charges for name in names):
        return None  # it may be used in a scenario that was not run this time
    near = next((one.signature for one in seen if one.gates and waiver.resembles(one.signature)), None)
    if near is None:
        return _about(waiver, "unused", "nothing of the kind was found")
    return _about(waiver, "stale", "; ".join(waiver.departures(near)))


def _overlap(pattern: str, known: str) -> bool:
    """Whether ``pattern`` may be about the scenario ``known`` or one of its parts, whose names begin with it."""
    return fnmatchcase(known, pattern) or pattern.startswith(f"{known}-")


def _about(waiver: Waiver, verdict: str, detail: str) -> Signature:
    return Signature(
        fingerprint="",
        channel=WAIVER,
        verdict=verdict,
        names=(waiver.title,),
        update=-1,
        reference="",
        candidate=detail,
        differing=1,
        size=None,
    )
