"""The pytest plugin: a fixture that compares two training commands inside a test."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from parity.diagnose.outcome import Outcome


class ParityChecker:
    """What the ``parity`` fixture gives to a test. Everything it records lies under ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._number = 0

    def compare(
        self,
        reference: str,
        candidate: str,
        *,
        updates: int | None = None,
        seed: int | None = None,
        world: int = 1,
        engine: str = "auto",
        level: str = "digest",
    ) -> "Outcome":
        """Run both commands, as ``world`` ranks through ``engine``, compare them, and return the outcome.

        Nothing is asserted.

        Raises:
            ParityError: the comparison could not be made.
        """
        from parity.record.launch import Recording
        from parity.run.plan import Scenario
        from parity.run.results import write_results
        from parity.run.session import run_scenario

        self._number += 1
        scenario = Scenario(
            pair=f"comparison-{self._number}",
            name="scratch",
            reference=reference,
            candidate=candidate,
            recording=Recording(level=level, updates=updates, seed=seed, world=world, engine=engine),
        )
        base = self.directory / scenario.pair
        outcome = run_scenario(scenario, base, lambda *_: None)
        if outcome.error is not None:
            raise outcome.error
        write_results([outcome], base)
        return outcome

    def check(
        self,
        reference: str,
        candidate: str,
        *,
        updates: int | None = None,
        seed: int | None = None,
        world: int = 1,
        engine: str = "auto",
    ) -> None:
        """Fail the test, with the whole report, unless both commands train the same way."""
        outcome = self.compare(reference, candidate, updates=updates, seed=seed, world=world, engine=engine)
        if outcome.exit_code != 0:
            from parity.run.results import REPORT

            report = self.directory / f"comparison-{self._number}" / REPORT
            pytest.fail(f"not in parity; {report}:\n\n{report.read_text(encoding='utf-8')}", pytrace=False)


@pytest.fixture
def parity(tmp_path: Path) -> ParityChecker:
    """Compare two training commands: ``parity.check("python train.py", "python -m trainer", updates=20)``."""
    return ParityChecker(tmp_path / "parity")
