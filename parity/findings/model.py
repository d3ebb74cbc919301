"""A finding: measurements that belong together, with a verdict and a fingerprint."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from parity.compare.measurement import Comparison, Measurement, NotCompared
from parity.compare.noise import Weighing
from parity.findings.noise import NoiseVerdict
from parity.trace.channels import Channel, Phase


class Verdict(StrEnum):
    """The word that carries a judgement."""

    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    MISSING = "missing"
    EXTRA = "extra"
    NOT_COMPARED = "not-compared"
    WAIVED = "waived"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of difference in one channel, over all names and ranks that show it.

    ``first`` is its earliest measurement. A finding that ``gates`` makes the comparison fail; the others are listed.
    ``weighing`` puts what exceeds the noise floor most against it, where that was measured; ``tolerance`` says which
    tolerance of the policy accepts the finding, if one does, and ``waiver`` which entry
    of the ledger, or rule of the gate, lets it pass.
    """

    verdict: Verdict
    channel: Channel
    measurements: tuple[Measurement, ...]
    gates: bool
    weighing: Weighing | None = None
    tolerance: str = ""
    waiver: str = ""

    @property
    def first(self) -> Measurement:
        """The earliest measurement in causal order."""
        return self.measurements[0]

    @property
    def update(self) -> int:
        """Update of the first difference."""
        return self.first.update

    @property
    def phase(self) -> Phase:
        """Phase of the channel."""
        return self.channel.phase

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the series that differ, in the order of their first difference."""
        return tuple(dict.fromkeys(measurement.name for measurement in self.measurements))

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Ranks that show the difference."""
        return tuple(sorted({measurement.rank for measurement in self.measurements}))

    @cached_property
    def id(self) -> str:
        """Fingerprint: stable over reruns, values and updates; made of what differs and where in the causal order."""
        parts = (self.channel.name, self.verdict.value, *sorted(self.names))
        return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """All findings of a comparison in causal order, and everything that was not compared.

    ``irreproducible`` holds differences in what defines the training that prove nothing, because the reference does not
    reproduce these values itself. ``noise`` is what the noise floor says, where something would gate without it.
    """

    comparison: Comparison
    findings: tuple[Finding, ...]
    not_compared: tuple[NotCompared, ...]
    irreproducible: tuple[Measurement, ...] = ()
    noise: NoiseVerdict | None = None

    @property
    def gating(self) -> tuple[Finding, ...]:
        """The findings that make the comparison fail."""
        return tuple(finding for finding in self.findings if finding.gates)

    @property
    def first_divergence(self) -> Finding | None:
        """The gating finding that comes first in causal order."""
        return next(iter(self.gating), None)

    @property
    def verdict(self) -> Verdict:
        """Different when anything gates.

        Not compared when the reference does not reproduce its own training, or no content of tensors was comparable.

        Waived when everything that would gate is accepted; equivalent when what differs lies within the noise floor or
        within a tolerance.
        """
        if self.gating:
            return Verdict.DIFFERENT
        if (
            self.irreproducible
            or self.comparison.blind
            or not any(one.values for one in self.comparison.coverage.values())
        ):
            return Verdict.NOT_COMPARED
        if any(finding.waiver for finding in self.findings):
            return Verdict.WAIVED
        return Verdict.EQUIVALENT if self.equivalent else Verdict.IDENTICAL

    @property
    def equivalent(self) -> tuple[Finding, ...]:
        """The findings that would gate but for the noise floor or a tolerance."""
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.EQUIVALENT)
