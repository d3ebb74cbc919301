"""The learning rates of both sides, where they differ, and what follows from them."""

from dataclasses import dataclass

from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import Curve, curve
from parity.diagnose.library.printout import prints, stores
from parity.diagnose.library.reach import VALUE, Prediction, expects, explained, first
from parity.diagnose.registry import Cause


@dataclass(frozen=True)
class Rates:
    """The learning rates of the first parameter group that differs, and the place where it does."""

    reference: Curve
    candidate: Curve
    place: Place

    def line(self, update: int) -> str:
        """Both values at ``update``."""
        what = f"learning rate, {evidence.moment(update)}"
        return evidence.both(what, self.reference[update], self.candidate[update])

    @property
    def common(self) -> list[int]:
        """The updates of both sides, in order."""
        return sorted(self.reference.keys() & self.candidate.keys())

    @property
    def last(self) -> int:
        """The last common update."""
        return self.common[-1]

    @property
    def farthest(self) -> int:
        """The common update with the largest difference, the last of several."""
        return max(reversed(self.common), key=lambda update: abs(self.reference[update] - self.candidate[update]))

    def cause(
        self, case: Case, identifier: str, title: str, lines: tuple[str, ...], consequence: str, *also: Prediction
    ) -> Cause:
        """A cause that explains the learning rates, their printed values and all that follows from them."""
        return Cause(
            id=identifier,
            title=title,
            explains=explained(
                case,
                expects("lr", "scheduler_steps"),
                prints(self.reference, self.candidate, "lr", "learning"),
                stores(self.reference, self.candidate),
                *also,
                since=self.place,
            ),
            evidence=lines,
            consequence=consequence,
        )


def differing_rates(case: Case) -> Rates | None:
    """Both curves of the learning rate, None where they are the same."""
    measurement = first(case, "lr", differences=VALUE)
    pair = case.pair("lr", measurement.name) if measurement is not None else None
    # The curves are those of the lowest rank; another one may be the only one that differs.
    if measurement is None or pair is None or pair[0].values.tolist() == pair[1].values.tolist():
        return None
    return Rates(curve(pair[0]), curve(pair[1]), measurement.moment)
