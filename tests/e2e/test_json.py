"""What the command line prints as JSON is what docs/result.schema.json says."""

import json
from pathlib import Path

import pytest

from tests.e2e.programs import ROOT, TINY, command, parity
from tests.structure import faults

pytestmark = pytest.mark.xdist_group("json")

SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
SIDES = [f"reports/out/compare/scratch/{side}/trace" for side in ("reference", "candidate")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison that differs, with noise, a close-up and a pass in lockstep, and what it printed."""
    place = tmp_path_factory.mktemp("json")
    done = parity(
        "compare", command(TINY), command(TINY, "--lr=0.02"), "--follow", "--noise-runs=1", "--json", cwd=place
    )
    assert done.returncode == 1, done.stderr
    (place / "printed.json").write_bytes(done.stdout)
    return place


def test_compare(place: Path) -> None:
    printed = json.loads((place / "printed.json").read_text(encoding="utf-8"))
    assert faults(printed, SCHEMA, SCHEMA) == []
    assert printed["followed"]["phases"]
    assert printed == json.loads((place / "reports/out/compare/scratch/result.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("words", "key", "code"),
    [
        (("diff", *SIDES), "findings", 1),
        (("gate",), "results", 1),
        (("report", "reports/out/compare"), "gate", 1),
        (("diff", SIDES[0], SIDES[0]), "verdict", 0),
    ],
    ids=["diff", "gate", "report", "same"],
)
def test_other_verbs(words: tuple[str, ...], key: str, code: int, place: Path) -> None:
    done = parity(*words, "--json", cwd=place)
    assert done.returncode == code, done.stderr
    printed = json.loads(done.stdout)
    assert faults(printed, SCHEMA, SCHEMA) == []
    assert printed[key]
