"""Configuration and environment of both sides, setting by setting."""

from dataclasses import dataclass
from typing import Final

from parity.compare.measurement import Comparison
from parity.report.facts import texts

GROUPS: Final = {"config": "Configuration", "environment": "Environment"}
_MANIFEST: Final = ("command", "world", "seed", "level", "updates_limit", "engine", "interventions")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting; None on a side that does not have it."""

    group: str
    name: str
    reference: str | None
    candidate: str | None

    @property
    def change(self) -> str:
        """What the candidate does with it, in a word."""
        if self.reference == self.candidate:
            return "same"
        if self.reference is None:
            return "added"
        return "removed" if self.candidate is None else "changed"


def settings(comparison: Comparison) -> list[Setting]:
    """How the runs were made, then the configuration and the environment, each by name."""
    sides = comparison.reference, comparison.candidate
    found = [
        Setting(group="Recording", name=name, reference=ours, candidate=theirs)
        for name in _MANIFEST
        if (both := [_text(side.manifest.get(name)) for side in sides]) != [None, None]
        for ours, theirs in [both]
    ]
    for channel, group in GROUPS.items():
        ours, theirs = (texts(side, channel) for side in sides)
        found += [
            Setting(group=group, name=name, reference=ours.get(name), candidate=theirs.get(name))
            for name in sorted({*ours, *theirs})
        ]
    return found


def _text(value: object) -> str | None:
    if value is None or value == []:
        return None
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
