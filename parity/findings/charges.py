"""From findings, and from what a candidate betrays by itself, to what can be held against it."""

import hashlib
from typing import Final

import numpy as np

from parity.compare.distances import distances
from parity.compare.measurement import Comparison, Difference, Measurement, NotCompared
from parity.findings.ledger import Charge
from parity.findings.model import Finding
from parity.findings.signature import LONGEST, Signature
from parity.invariants.lint import Betrayal
from parity.trace.channels import Channel, Kind

INVARIANT: Final = "invariant"
VIOLATED: Final = "violated"
NOT_COMPARED: Final = "not-compared"


def charge_of(finding: Finding, comparison: Comparison) -> Charge:
    """The charge that ``finding`` is."""
    first = finding.first
    signature = Signature(
        fingerprint=finding.id,
        channel=finding.channel.name,
        verdict=finding.verdict.value,
        names=finding.names,
        update=finding.update,
        reference=_text(finding.channel, first.reference),
        candidate=_text(finding.channel, first.candidate),
        differing=sum(one.differing for one in finding.measurements),
        size=_size(finding, comparison),
    )
    return Charge(signature=signature, counts=finding.gates, gates=finding.gates)


def charge_of_betrayal(betrayal: Betrayal) -> Charge:
    """The charge that a violated invariant is."""
    name = betrayal.candidate.invariant.id
    violations = betrayal.candidate.violations or betrayal.reference.violations
    first = violations[0]
    signature = Signature(
        fingerprint=hashlib.blake2b(f"{INVARIANT}\n{name}".encode(), digest_size=6).hexdigest(),
        channel=INVARIANT,
        verdict=VIOLATED,
        names=(name,),
        update=first.update,
        reference="",
        candidate=str(first.observed)[:LONGEST],
        differing=sum(1 + one.more for one in violations),
        size=None,
    )
    return Charge(signature=signature, counts=betrayal.gates, gates=betrayal.gates)


def charge_of_silence(channel: str, name: str, reason: str) -> Charge:
    """The charge that something was not compared; by itself it counts for nothing."""
    signature = Signature(
        fingerprint=hashlib.blake2b(f"{NOT_COMPARED}\n{channel}\n{name}".encode(), digest_size=6).hexdigest(),
        channel=channel,
        verdict=NOT_COMPARED,
        names=(name,),
        update=-1,
        reference="",
        candidate=reason[:LONGEST],
        differing=1,
        size=None,
    )
    return Charge(signature=signature, counts=False, gates=False)


def silences(not_compared: tuple[NotCompared, ...]) -> list[Charge]:
    """The charges that everything not compared could be."""
    return [charge_of_silence(one.channel, one.name, one.reason) for one in not_compared]


def _text(channel: Channel, value: object) -> str:
    if value is None or channel.kind is Kind.DIGEST:
        return ""
    # Only what can be written to a file: a program may print halves of characters.
    return str(value)[:LONGEST].encode("utf-8", "backslashreplace").decode("utf-8")


def _size(finding: Finding, comparison: Comparison) -> float | None:
    """All known distances of its values together, each relative to the reference."""
    known = [one for one in finding.measurements if one.difference is Difference.VALUE]
    sizes = [size for one in known if (size := _distance(one, comparison)) is not None]
    return float(sum(sizes)) if sizes else None


def _distance(measurement: Measurement, comparison: Comparison) -> float | None:
    reference, candidate = comparison.reference.rank(measurement.rank), comparison.candidate.rank(measurement.rank)
    ours = reference and reference.get(measurement.channel.name, measurement.name)
    theirs = candidate and candidate.get(measurement.channel.name, measurement.candidate_name)
    if not reference or not candidate or not ours or not theirs:
        return None
    apart = distances(reference, ours, candidate, theirs)
    known = apart[np.isfinite(apart) & (apart > 0)]
    return float(known.sum()) if len(known) else None
