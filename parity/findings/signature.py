"""What makes a finding this defect and no other: what somebody who accepts it accepts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LONGEST: Final = 200


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A finding as far as it can be recognised in another run, on another machine too.

    ``fingerprint`` is made of what differs and not of how far. ``names`` are the series; ``update``, ``reference`` and
    ``candidate`` are those of the first difference, values as texts and empty for digests, which another processor
    makes otherwise. ``differing`` counts the values that differ, and ``size`` adds up their distances, each relative to
    the reference; it is None where no distance is known.
    """

    fingerprint: str
    channel: str
    verdict: str
    names: tuple[str, ...]
    update: int
    reference: str
    candidate: str
    differing: int
    size: float | None

    @property
    def title(self) -> str:
        """In a few words, on one line."""
        first = " ".join(self.names[0].split()) if self.names else ""
        more = f" and {len(self.names) - 1} more" if len(self.names) > 1 else ""
        return f"{self.channel} {first}{more}: {self.verdict}".replace(" :", ":")


def read_signature(content: Mapping[str, Any]) -> Signature:
    """The signature that a stored result holds.

    Raises:
        KeyError, TypeError, ValueError: it holds none.
    """
    size = content["size"]
    return Signature(
        fingerprint=str(content["fingerprint"]),
        channel=str(content["channel"]),
        verdict=str(content["verdict"]),
        names=tuple(str(name) for name in content["names"]),
        update=int(content["update"]),
        reference=str(content["reference"]),
        candidate=str(content["candidate"]),
        differing=int(content["differing"]),
        size=None if size is None else float(size),
    )
