"""Every planted defect of family occ is detected, located and, where a cause is known, named; no harmless change is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parity.errors import PARITY, VIOLATED
from parity.record.warm.launcher import WarmLauncher
from tests.mutants.catalogue import Benign, Mutant
from tests.mutants.occ import BENIGN, DDP, FINETUNE, MIXER, WORDING
from tests.mutants.specimens import Workshop


@pytest.fixture(scope="module")
def launcher() -> Iterator[WarmLauncher]:
    with WarmLauncher() as warm:
        yield warm


@pytest.fixture(scope="module")
def mixer(launcher: WarmLauncher, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(directory=Path(tmp_path_factory.mktemp("mixer")), launcher=launcher, pair="occ-mixer")


@pytest.fixture(scope="module")
def finetune(launcher: WarmLauncher, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(directory=Path(tmp_path_factory.mktemp("finetune")), launcher=launcher, pair="occ-finetune")


@pytest.fixture(scope="module")
def ddp(launcher: WarmLauncher, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(directory=Path(tmp_path_factory.mktemp("ddp")), launcher=launcher, pair="occ-ddp")


def check(row: Mutant, workshop: Workshop) -> None:
    outcome = workshop.outcome(row)
    assert outcome.exit_code == VIOLATED
    first = outcome.judgement.first_divergence
    assert (first.update, first.phase, first.channel.name) == (row.update, row.phase, row.channel)
    named = outcome.diagnosis.causes[0].id if outcome.diagnosis.causes else ""
    assert named == row.cause
    assert not row.cause or first.id in outcome.diagnosis.causes[0].explains


@pytest.mark.parametrize("row", MIXER, ids=lambda row: row.id)
def test_mutant_of_the_mixer(row: Mutant, mixer: Workshop) -> None:
    check(row, mixer)


@pytest.mark.parametrize("row", FINETUNE, ids=lambda row: row.id)
def test_mutant_of_finetuning(row: Mutant, finetune: Workshop) -> None:
    check(row, finetune)


@pytest.mark.parametrize("row", DDP, ids=lambda row: row.id)
def test_mutant_on_several_processes(row: Mutant, ddp: Workshop) -> None:
    check(row, ddp)


def test_a_difference_in_wording_is_reported(mixer: Workshop) -> None:
    judgement = mixer.outcome(WORDING).judgement
    assert not judgement.gating
    lines = [line for one in judgement.findings if one.channel.name == WORDING.channel for line in one.names]
    assert sum("flat_acc {}%" in line for line in lines) == 1


@pytest.mark.parametrize("row", BENIGN, ids=lambda row: row.id)
def test_benign_variant_is_in_parity(row: Benign, mixer: Workshop) -> None:
    outcome = mixer.outcome(row)
    gating = [(one.channel.name, one.update, one.names) for one in outcome.judgement.gating]
    assert (outcome.exit_code, gating) == (PARITY, [])
