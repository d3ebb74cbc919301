"""What was decided before anything is compared: the tolerances and rules of a policy, and the waivers of a ledger."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from parity.compare.tolerance import Tolerance
from parity.findings.ledger import Ledger
from parity.policy import Policy, read_policy
from parity.run.ledger import load_ledger
from parity.run.plan import tolerances


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Rules and waivers, and the policy that tolerances come from, if there is one."""

    ledger: Ledger
    policy: Policy | None = None

    def tolerances(self, pair: str) -> tuple[Tolerance, ...]:
        """What is accepted of the differences of ``pair``."""
        return () if self.policy is None else tolerances(self.policy, pair)


def decisions(policy: Path | None, waivers: Path, today: date) -> Decisions:
    """Read what the file ``policy`` and the ledger ``waivers`` decide on the day ``today``.

    Raises:
        PolicyError: one of them cannot be read, or holds unknown or invalid keys.
    """
    known = None if policy is None else read_policy(policy)
    # Only some of its pairs are compared: what is said about others is no concern.
    return Decisions(ledger=replace(load_ledger(waivers, known, today), known=None), policy=known)
