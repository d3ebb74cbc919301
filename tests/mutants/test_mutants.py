"""Every planted defect is detected, located and named; no harmless change is."""

import pytest

from parity.errors import PARITY, VIOLATED
from tests.mutants.catalogue import BENIGN, MUTANTS
from tests.mutants.rows import Benign, Mutant
from tests.mutants.specimens import Workshop


@pytest.mark.parametrize("row", MUTANTS, ids=lambda row: row.id)
def test_mutant_is_detected_located_and_named(row: Mutant, workshop: Workshop) -> None:
    outcome = workshop.outcome(row)
    assert outcome.exit_code == VIOLATED
    first = outcome.judgement.first_divergence
    assert (first.update, first.phase, first.channel.name) == (row.update, row.phase, row.channel)
    assert outcome.diagnosis.causes, "no cause was named"
    assert outcome.diagnosis.causes[0].id == row.cause
    assert outcome.diagnosis.causes[0].explains


@pytest.mark.parametrize("row", BENIGN, ids=lambda row: row.id)
def test_benign_variant_is_in_parity(row: Benign, workshop: Workshop) -> None:
    outcome = workshop.outcome(row)
    gating = [(one.channel.name, one.update, one.names) for one in outcome.judgement.gating]
    assert (outcome.exit_code, gating) == (PARITY, [])
