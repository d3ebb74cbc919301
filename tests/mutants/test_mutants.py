"""Every planted defect is detected, located and named; no harmless change is."""

import pytest

from parity.errors import PARITY, VIOLATED
from tests.mutants.catalogue import BENIGN, MUTANTS, sample
from tests.mutants.hearing import hear
from tests.mutants.rows import Benign, Mutant
from tests.mutants.specimens import Workshop


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the sample, or everything where that is asked for."""
    if "mutant" in metafunc.fixturenames:
        chosen = MUTANTS if metafunc.config.getoption("mutants") == "all" else sample(MUTANTS)
        metafunc.parametrize("mutant", chosen, ids=lambda row: row.id)


def test_mutant_is_detected_located_and_named(mutant: Mutant, workshop: Workshop) -> None:
    row, outcome = mutant, workshop.outcome(mutant)
    assert outcome.exit_code == VIOLATED
    heard = hear(outcome)
    assert heard.place == (row.update, row.phase, row.channel)
    assert heard.cause == row.cause


@pytest.mark.parametrize("row", BENIGN, ids=lambda row: row.id)
def test_benign_variant_is_in_parity(row: Benign, workshop: Workshop) -> None:
    outcome = workshop.outcome(row)
    gating = [(one.channel.name, one.update, one.names) for one in outcome.judgement.gating]
    assert (outcome.exit_code, gating) == (PARITY, [])


def test_the_sample_has_every_cause_every_place_and_every_scenario_of_every_family() -> None:
    chosen = sample(MUTANTS)
    assert {row.cause for row in chosen} == {row.cause for row in MUTANTS}
    assert {(row.phase, row.channel) for row in chosen} == {(row.phase, row.channel) for row in MUTANTS}
    scenarios = {(row.family, row.scenario, row.part) for row in MUTANTS}
    assert {(row.family, row.scenario, row.part) for row in chosen} == scenarios
    assert sample(chosen) == chosen
