"""Sampled in every run of the tests, all of them by ``nox -s matrix``: witness and trainer train 8 updates alike."""

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from parity.compare.engine import compare
from parity.findings.judge import judge
from parity.policy import read_policy
from parity.record.launch import record
from parity.record.warm.launcher import WarmLauncher
from parity.run.plan import Scenario, fill, plan
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.matrix.combinations import (
    ARCHITECTURES,
    KINDS,
    OPTIMIZERS,
    PRUNINGS,
    SELF_SUFFICIENT,
    VANILLA,
    VARIANTS,
    Combination,
    every,
    pairwise,
)
from tests.mutants.planting import ROOT
from trainers.__main__ import main

UPDATES = 8
# Thousands of programs: what they are compiled to is kept, as nothing is edited here.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
SMALL = f"""
    --max-iters {UPDATES} --block-size 16 --batch-size 2 --gradient-accumulation 1 --eval-interval 7 --eval-samples 1
    --warmup-steps 2 --pruning-warmup 1 --pruning-frequency 2 --target-sparsity 0.9 --spam-interval 4
""".split()
SMALLER_PARTS = (
    *("--kept-positions", "7", "--recent-positions", "3", "--latent-channels", "16", "--calm-threshold", "9"),
    *("--narrow-channels", "12", "--walk-neighbours", "5", "--walk-window", "6"),
)


@dataclass(frozen=True)
class Bench:
    """Where runs are recorded, and how they are started."""

    directory: Path
    data: Path
    launcher: WarmLauncher
    scenarios: dict[str, Scenario]

    def train(self, one: Combination, side: str) -> Trace:
        """Record one side of a combination."""
        scenario = self.scenarios["gpt2-vanilla" if one.architecture == VANILLA else "gpt2-unified-ra"]
        place = self.directory / str(one) / side
        out = place / "out"
        out.mkdir(parents=True)
        parts = () if one.architecture == VANILLA else SMALLER_PARTS
        words = fill(getattr(scenario, side), out=out, shared=self.data)
        words = [sys.executable, *words[1:], *SMALL, *parts, *one.arguments()]
        recording = replace(
            scenario.recording,
            out=out,
            shared=self.data,
            seed=1337,
            environment={**scenario.recording.environment, **ENVIRONMENT},
        )
        record(words, place / "trace", recording, directory=ROOT, streams=False, launcher=self.launcher)
        return read_trace(place / "trace")

    def forget(self, one: Combination) -> None:
        """Make room: what all combinations leave together would fill a disk."""
        shutil.rmtree(self.directory / str(one))


@pytest.fixture(scope="module")
def bench(warm: WarmLauncher, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a bench with data."""
    directory = Path(tmp_path_factory.mktemp("matrix"))
    assert main(["data", "char-tiny", "--out", str(directory / "data" / "char-tiny")]) == 0
    pairs = ["gpt2-vanilla", "gpt2-unified-ra"]
    scenarios = {one.pair: one for one in plan(read_policy(ROOT / "pyproject.toml"), pairs, full=False)}
    return Bench(directory, directory / "data", warm, scenarios)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the sample, or everything where that is asked for."""
    if "combination" in metafunc.fixturenames:
        chosen = every() if metafunc.config.getoption("matrix") == "all" else pairwise()
        metafunc.parametrize("combination", chosen, ids=str)


def test_a_combination_trains_in_parity(combination: Combination, bench: Bench) -> None:
    reference, candidate = (bench.train(combination, side) for side in ("reference", "candidate"))
    judgement = judge(compare(reference, candidate))
    assert [(one.channel.name, one.update, one.names[:3]) for one in judgement.gating] == []
    assert [side.processes[0].updates for side in (reference, candidate)] == [UPDATES, UPDATES]
    trained = [series for series in reference.processes[0].channel("parameter") if len(set(series.values.tolist())) > 1]
    assert trained
    bench.forget(combination)


def test_the_sample_lets_every_two_choices_meet() -> None:
    chosen = pairwise()
    assert len(chosen) == len(set(chosen)) <= 52
    assert all(one.exists for one in chosen)
    plain = {one.optimizer for one in chosen if not one.optimizer.startswith("prune-")}
    met = {(one.architecture, one.optimizer.partition("-")[0]) for one in chosen}
    assert met == {(kind, name) for kind in KINDS for name in (*plain, "prune")}
    kinds = {(one.architecture, "state" if one.pruning in VARIANTS else one.pruning) for one in chosen}
    assert kinds == {(kind, name) for kind in KINDS for name in ("none", "magnitude", "movement", "state")}
    for name in plain:
        assert {one.pruning for one in chosen if one.optimizer == name} == {"none", "magnitude", "movement"}


def test_everything_is_more_than_the_sample() -> None:
    found = every()
    whole = len(ARCHITECTURES) - len(SELF_SUFFICIENT)
    each = len(OPTIMIZERS) * 3 + 4 * len(VARIANTS)
    assert len(found) == whole * each + len(SELF_SUFFICIENT) == len(set(found)) == 3785
    assert set(pairwise()) < set(found)
    assert {one.pruning for one in found} == set(PRUNINGS)
