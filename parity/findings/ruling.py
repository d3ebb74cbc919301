"""What was decided about one scenario."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from parity.errors import CANNOT_COMPARE, PARITY, VIOLATED
from parity.findings.ledger import WAIVER, Charge

_SILENT: Final = "not-compared"


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """All charges of one scenario, decided: what was found first, then what is wrong with its waivers."""

    charges: tuple[Charge, ...] = ()

    @property
    def gating(self) -> tuple[Charge, ...]:
        """What makes the comparison fail."""
        return tuple(charge for charge in self.charges if charge.gates)

    @property
    def lifted(self) -> tuple[Charge, ...]:
        """What would, but is accepted by a waiver or let pass by a rule of the gate."""
        return tuple(charge for charge in self.charges if charge.lifted and charge.signature.channel != WAIVER)

    @property
    def complaints(self) -> tuple[Charge, ...]:
        """What is wrong with waivers."""
        return tuple(charge for charge in self.charges if charge.signature.channel == WAIVER)

    @property
    def beside(self) -> tuple[Charge, ...]:
        """What fails the comparison although nothing differs: waivers, and what has to be compared and was not."""
        return tuple(one for one in self.gating if one.signature.channel == WAIVER or one.signature.verdict == _SILENT)


def decided_code(charges: Iterable[Charge], *, unproven: bool) -> int:
    """Exit code of a scenario with these charges; ``unproven`` says that without any nothing is known about parity."""
    if any(charge.gates for charge in charges):
        return VIOLATED
    return CANNOT_COMPARE if unproven else PARITY
