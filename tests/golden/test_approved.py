"""What was approved is what a fresh run gives today, byte for byte."""

import re
from collections.abc import Mapping

import pytest

from tests.golden.approved import REPORTS, Approved, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Approved, str]:
    """All reports, from one run of their pairs."""
    return run(tmp_path_factory.mktemp("approved"))


def unversioned(text: str) -> str:
    """``text`` without the versions of what it was made with."""
    return re.sub(r"^(\| (?:Python|Torch) version) \|.*$", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: f"{report.directory}-{report.genre}")
def test_an_approved_report_is_made_again_byte_for_byte(made: Mapping[Approved, str], report: Approved) -> None:
    """Where a change is meant, renew them with: python -m tests.golden.approved."""
    assert unversioned(made[report]) == unversioned(report.path.read_text(encoding="utf-8"))
