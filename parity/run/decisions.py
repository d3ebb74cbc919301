"""What was decided before anything is compared: the tolerances and rules of a policy, and the waivers of a ledger."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parity.compare.tolerance import Tolerance
from parity.findings.ledger import Ledger

if TYPE_CHECKING:
    from parity.policy import Policy

_LEFT: Final = (("reference", "trace"), ("candidate", "trace"))
"""Where a session leaves the traces of a scenario."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Rules and waivers, and the policy that tolerances come from, if there is one."""

    ledger: Ledger
    policy: "Policy | None" = None

    def tolerances(self, pair: str) -> tuple[Tolerance, ...]:
        """What is accepted of the differences of ``pair``."""
        if self.policy is None:
            return ()
        from parity.run.plan import tolerances

        return tolerances(self.policy, pair)


def decisions(policy: Path | None, waivers: Path, today: date) -> Decisions:
    """Read what the file ``policy`` and the ledger ``waivers`` decide on the day ``today``.

    Raises:
        PolicyError: one of them cannot be read, or holds unknown or invalid keys.
    """
    if policy is None and not waivers.is_file():  # then there is no need to wait for what reads them
        return Decisions(ledger=Ledger(today=today))
    from parity.policy import read_policy
    from parity.run.ledger import load_ledger

    known = None if policy is None else read_policy(policy)
    # Only some of its pairs are compared: what is said about others is no concern.
    return Decisions(ledger=replace(load_ledger(waivers, known, today), known=None), policy=known)


def names_of(reference: Path, candidate: Path) -> tuple[str, str]:
    """Pair and scenario that two traces are of, where a session left them; else what their directories are called."""
    here, there = reference.resolve(), candidate.resolve()
    place = here.parent.parent
    if (here, there) == tuple(place.joinpath(*left) for left in _LEFT):
        return place.parent.name, place.name
    return here.name, there.name
