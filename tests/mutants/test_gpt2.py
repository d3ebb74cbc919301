"""Every planted defect of family gpt2 is detected, located, and named if it has a name; no harmless change is."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from parity.errors import PARITY, VIOLATED
from parity.record.warm.launcher import WarmLauncher
from tests.mutants.gpt2 import BENIGN_VANILLA, UNIFIED, VANILLA
from tests.mutants.pairs import PairWorkshop
from tests.mutants.rows import Benign, Mutant

MUTANTS = [("gpt2-vanilla", row) for row in VANILLA] + [("gpt2-unified-ra", row) for row in UNIFIED]


@pytest.fixture(scope="module")
def workshop_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], PairWorkshop]]:
    """Yield a function that finds the workshop of a pair."""
    directory: Path = tmp_path_factory.mktemp("pairs")
    with WarmLauncher() as launcher:
        yield cache(lambda pair: PairWorkshop(pair=pair, directory=directory / pair, launcher=launcher))


@pytest.mark.parametrize(("pair", "row"), MUTANTS, ids=lambda one: getattr(one, "id", ""))
def test_mutant_is_detected_and_located(pair: str, row: Mutant, workshop_of: Callable[[str], PairWorkshop]) -> None:
    outcome = workshop_of(pair).outcome(row)
    assert outcome.exit_code == VIOLATED
    first = outcome.judgement.first_divergence
    assert (first.update, first.phase, first.channel.name) == (row.update, row.phase, row.channel)
    if row.cause:
        assert outcome.diagnosis.causes[0].id == row.cause


@pytest.mark.parametrize("row", BENIGN_VANILLA, ids=lambda row: row.id)
def test_benign_variant_is_in_parity(row: Benign, workshop_of: Callable[[str], PairWorkshop]) -> None:
    outcome = workshop_of("gpt2-vanilla").outcome(row)
    gating = [(one.channel.name, one.update, one.names) for one in outcome.judgement.gating]
    assert (outcome.exit_code, gating) == (PARITY, [])
