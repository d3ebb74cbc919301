"""One pair at several world sizes: each is compared, and the candidate with itself."""

import json
import sys
from pathlib import Path

import pytest

from parity.record.launch import Recording
from parity.record.warm.launcher import WarmLauncher
from parity.run.plan import Scenario, Side
from parity.run.session import run_side
from parity.run.worlds import across_worlds, counting
from tests.e2e.programs import ROOT, SCRIPTS, parity

pytestmark = pytest.mark.xdist_group("across_worlds")

DIVIDES = f"{sys.executable} {SCRIPTS / 'worlds' / 'divides.py'}"


def compared(reference: str, candidate: str, place: Path) -> tuple[int, dict[str, set[str]]]:
    """The exit code, and by scenario the channels that gate."""
    options = [reference, candidate, "--world", "1,2", "--no-rerun", "--json", "-o", str(place)]
    done = parity("compare", *options, cwd=ROOT)
    results = json.loads(done.stdout)
    return done.returncode, {
        result["scenario"]: {one["channel"] for one in result["findings"] if one["gates"]} for result in results
    }


def test_a_candidate_that_forgets_to_divide_breaks_the_algebra(tmp_path: Path) -> None:
    status, found = compared(DIVIDES, f"{DIVIDES} forgets", tmp_path)
    assert status == 1
    assert list(found) == ["world-1", "world-2", "across-worlds-1-2"]
    assert found["world-1"] == set()
    assert {"micro_steps", "tokens"} <= found["across-worlds-1-2"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@pytest.mark.parametrize(
    ("way", "broken"),
    [
        ("", set()),
        ("overlaps", {"batch", "sample"}),
        ("halves", {"gradient"}),
    ],
)
def test_only_what_ranks_do_wrong_breaks_a_law(way: str, broken: set[str], warm: WarmLauncher, place: Path) -> None:
    """Adding up in another order, as ranks do, is nothing wrong."""
    words = DIVIDES if not way else f"{DIVIDES} {way}"
    scenarios = counting(
        [
            Scenario(
                pair=way or "plain",
                name=f"world-{world}",
                reference=DIVIDES,
                candidate=words,
                recording=Recording(world=world, environment={"OMP_NUM_THREADS": "1"}),
            )
            for world in (1, 2)
        ]
    )
    for one in scenarios:
        for side in (Side.REFERENCE, Side.CANDIDATE):
            run_side(one, side, place / one.pair, lambda *_: None, warm)
    (outcome,) = across_worlds(scenarios, place / scenarios[0].pair)
    gating = [one for finding in outcome.judgement.gating for one in finding.measurements]
    assert {one.channel.name for one in gating} == broken
    # Gradients of other samples are not compared.
    assert ("gradient" in outcome.judgement.comparison.coverage) == (way != "overlaps")
    assert all(one.estimate == pytest.approx(0.5, rel=0.3) for one in gating if one.channel.name == "gradient")
    lost = {one.name: one.candidate for one in gating if one.channel.name == "sample"}
    assert lost == ({"lost": 12, "doubled": 12, "on two ranks at once": 4} if way == "overlaps" else {})


@pytest.mark.parametrize(("engine", "counted"), [("gloo", True), ("baton", True), ("fake", False)])
def test_only_worlds_that_compute_are_held_against_each_other(engine: str, counted: bool) -> None:
    scenarios = [
        Scenario(
            pair="p",
            name=f"world-{world}",
            reference=DIVIDES,
            candidate=DIVIDES,
            recording=Recording(world=world, engine=one),
        )
        for world, one in ((1, engine), (2, "auto"))
    ]
    assert [bool(one.recording.attachments) for one in counting(scenarios)] == [counted, counted]


def test_what_the_reference_breaks_too_is_how_the_training_is_meant(tmp_path: Path) -> None:
    status, found = compared(f"{DIVIDES} forgets", f"{DIVIDES} forgets", tmp_path)
    assert (status, found["across-worlds-1-2"]) == (0, set())
