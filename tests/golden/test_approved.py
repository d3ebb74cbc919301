"""What was approved is what a fresh run gives today, byte for byte."""

from collections.abc import Mapping

import pytest

from tests.golden.approved import REPORTS, Approved, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Approved, bytes]:
    """All reports, from one run of their pairs."""
    return run(tmp_path_factory.mktemp("approved"))


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: f"{report.directory}-{report.genre}")
def test_an_approved_report_is_made_again_byte_for_byte(made: Mapping[Approved, bytes], report: Approved) -> None:
    """Where a change is meant, renew them with: python -m tests.golden.approved."""
    assert made[report].decode() == report.path.read_text(encoding="utf-8")
