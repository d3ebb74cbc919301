"""What was approved is what a fresh run gives today, byte for byte."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from parity.report.genres import GENRES
from tests.golden.approved import REPORTS, ROOT, Approved, run

pytestmark = pytest.mark.xdist_group("approved")

FAMILIES = {
    "char-gpt": ("char-gpt",),
    "gpt2": ("gpt2-vanilla", "gpt2-unified-ra"),
    "occ": ("occ-train", "occ-mixer", "occ-finetune"),
    "stream": ("stream-sample", "stream-chunk"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pairs of all families leave what they did."""
    return tmp_path_factory.mktemp("approved")


@pytest.fixture(scope="module")
def made(place: Path) -> Mapping[Approved, str]:
    """All reports, from one run of their pairs."""
    return run(place)


def unversioned(text: str) -> str:
    """``text`` without the versions of what it was made with."""
    return re.sub(r"^(\| (?:Python|Torch) version) \|.*$", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: f"{report.directory}-{report.genre}")
def test_an_approved_report_is_made_again_byte_for_byte(made: Mapping[Approved, str], report: Approved) -> None:
    """Where a change is meant, renew them with: python -m tests.golden.approved."""
    assert unversioned(made[report]) == unversioned(report.path.read_text(encoding="utf-8"))


def rendered(pairs: list[Path], out: Path, seed: int) -> dict[Path, bytes]:
    """All genres in all formats, from a process in which sets and dictionaries of texts have another order."""
    words = [sys.executable, "-m", "tests.golden.rendering", str(out), *map(str, pairs)]
    subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": str(seed)}, check=True)
    return {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_report_of_every_family_has_the_same_bytes_when_made_again(
    place: Path, family: str, tmp_path: Path
) -> None:
    pairs = [place / pair for pair in FAMILIES[family]]
    first, second = (rendered(pairs, tmp_path / str(seed), seed) for seed in (1, 2))
    assert {path.parts[0] for path in first} == set(GENRES)
    assert first.keys() == second.keys()
    assert [str(path) for path in first if first[path] != second[path]] == []
