"""Accepted findings: which ones, why, by whom and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from math import isclose
from typing import Final

from parity.findings.signature import Signature

VALUE_TOLERANCE: Final = 1e-3
"""Another processor rounds otherwise, and the values of a first difference move with it."""
SIZE_TOLERANCE: Final = 0.05
"""What differs after the first difference moves farther, but not like another defect."""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """An accepted finding of one pair.

    ``scenario``, ``channel`` and ``name`` are patterns; ``name`` must fit every series of the finding. What follows
    ``name`` is the signature of the defect: the more of it is given, the less is accepted, and what is None may be
    anything. ``expires`` is the last day on which it holds.
    """

    pair: str
    channel: str
    verdict: str
    reason: str
    owner: str
    expires: date
    scenario: str = "*"
    name: str = "*"
    fingerprint: str | None = None
    update: int | None = None
    reference: str | None = None
    candidate: str | None = None
    differing: int | None = None
    size: float | None = None

    def __str__(self) -> str:
        return f"{self.reason} ({self.owner}, until {self.expires.isoformat()})"

    @property
    def title(self) -> str:
        """In a few words, on one line."""
        name = f" {self.name}" if self.name != "*" else ""
        mark = f" ({self.fingerprint})" if self.fingerprint else ""
        return f"{self.pair}/{self.scenario}, {self.channel}{name}: {self.verdict}{mark}"

    def concerns(self, pair: str, scenario: str) -> bool:
        """Whether it is about ``scenario`` of ``pair``."""
        return pair == self.pair and fnmatchcase(scenario, self.scenario)

    def resembles(self, signature: Signature) -> bool:
        """Whether ``signature`` is of the accepted kind, in the accepted series, be it this defect or another one."""
        return (
            fnmatchcase(signature.channel, self.channel)
            and signature.verdict == self.verdict
            and all(fnmatchcase(name, self.name) for name in signature.names)
        )

    def covers(self, signature: Signature) -> bool:
        """Whether ``signature`` is the accepted defect."""
        return self.resembles(signature) and not any(self.departures(signature))

    def departures(self, signature: Signature) -> Iterator[str]:
        """What of ``signature`` is not as accepted, in words."""
        exact = {"fingerprint": signature.fingerprint, "update": signature.update, "differing": signature.differing}
        for key, found in exact.items():
            accepted = getattr(self, key)
            if accepted is not None and accepted != found:
                yield f"{key} {found} instead of {accepted}"
        for key, text in (("reference", signature.reference), ("candidate", signature.candidate)):
            accepted = getattr(self, key)
            if accepted is not None and not _same_value(accepted, text):
                yield f"{key} {text or 'nothing'} instead of {accepted or 'nothing'}"
        if self.size is not None and not _same_size(self.size, signature.size):
            yield f"size {signature.size} instead of {self.size}"


def _same_value(accepted: str, found: str) -> bool:
    if accepted == found:
        return True
    try:
        return isclose(float(accepted), float(found), rel_tol=VALUE_TOLERANCE)
    except ValueError:
        return False


def _same_size(accepted: float, found: float | None) -> bool:
    return found is not None and isclose(accepted, found, rel_tol=SIZE_TOLERANCE)
