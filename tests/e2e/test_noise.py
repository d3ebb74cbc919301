"""Harmless changes are equivalent, small real defects are different, and nothing is run to know what is known."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.findings.model import Verdict
from parity.record.launch import Recording, record
from parity.record.processes import Launcher
from parity.run.conclusion import conclude
from parity.run.noise import measure_noise
from parity.trace.channels import Phase
from parity.trace.model import Trace
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS, TINY, command, parity

pytestmark = pytest.mark.xdist_group("noise")

VARIANTS = SCRIPTS / "variants.py"
BF16 = "--precision=bfloat16"
DROPOUT = "--dropout=0.1"
FP32 = "in float32"

Judged = Callable[..., Outcome]


@dataclass(frozen=True)
class Recorded:
    """A noise pass whose runs have been made: a program that is recorded finely reproduces itself by being itself."""

    trace: Trace
    runs: tuple[Trace, ...]

    def candidate(self) -> Trace:
        return self.trace

    def perturbed(self, reference: Trace) -> tuple[Trace, ...]:
        return self.runs


@pytest.fixture(scope="module")
def judged(warm: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Return a function that compares a variant with the plain program under the same options."""
    place = tmp_path_factory.mktemp("variants")
    known: dict[tuple[str, ...], Trace] = {}

    def run(variant: str, options: tuple[str, ...], attached: Mapping[str, Mapping[str, Any]]) -> Trace:
        key = (variant, *options, repr(attached))
        if key not in known:
            more = {"full_precision": {}} if FP32 in options else {}
            recording = Recording(
                sketch="first:256",
                attachments={**attached, **more, "consumption": {}},
                environment={"OMP_NUM_THREADS": "1"},
            )
            words = [sys.executable, str(VARIANTS), variant, *(one for one in options if one != FP32)]
            trace = place / str(len(known))
            assert record(words, trace, recording, streams=False, launcher=warm) == 0
            known[key] = read_trace(trace)
        return known[key]

    def judge(variant: str, *options: str) -> Outcome:
        reference, candidate = run("plain", options, {}), run(variant, options, {})
        runs = tuple(run("plain", options, {"perturbation": {"seed": seed}}) for seed in range(3))
        comparison, rerun = compare(reference, candidate), compare(reference, reference)
        noise = measure_noise(comparison, rerun, Recorded(candidate, runs))
        return conclude("variants", variant, comparison, rerun, noise)

    return judge


@pytest.mark.parametrize(
    "row",
    [
        ("fused",),
        ("threads",),
        ("merged",),
        ("reversed",),
        ("sdpa-math",),
        ("fused", DROPOUT),
        ("fused", BF16),
        ("merged", BF16),
    ],
    ids=" ".join,
)
def test_a_harmless_change_is_equivalent_and_not_identical(row: tuple[str, ...], judged: Judged) -> None:
    outcome = judged(*row)
    judgement = outcome.judgement
    assert judgement.noise.worst is not None, judgement.noise
    assert (outcome.exit_code, judgement.verdict) == (0, Verdict.EQUIVALENT), judgement.noise.worst
    assert {"gradient", "parameter", "optimizer_state"} <= {one.channel.name for one in judgement.equivalent}
    assert outcome.diagnosis.causes == ()


def test_a_loop_over_parameters_gives_the_same_bits_and_says_nothing_about_noise(judged: Judged) -> None:
    judgement = judged("loop").judgement
    assert (judgement.verdict, judgement.noise) == (Verdict.IDENTICAL, None)


@pytest.mark.parametrize(
    ("row", "update", "phase", "channel"),
    [
        (("norm-eps",), 0, Phase.LOSS, "loss"),
        (("gelu-tanh",), 0, Phase.LOSS, "loss"),
        (("gelu-tanh", BF16, FP32), 0, Phase.LOSS, "loss"),
        (("late",), 5, Phase.LOSS, "loss"),
        (("hidden-eps",), 0, Phase.UPDATE, "parameter"),
        (("hidden-eps", BF16), 0, Phase.UPDATE, "parameter"),
        (("prints-perplexity",), 0, Phase.LOG, "log_value"),
    ],
    ids=str,
)
def test_a_small_defect_leaves_the_noise_and_is_where_the_exact_pass_found_it(
    row: tuple[str, ...], update: int, phase: Phase, channel: str, judged: Judged
) -> None:
    outcome = judged(*row)
    first = outcome.judgement.first_divergence
    assert (outcome.exit_code, first.update, first.phase, first.channel.name) == (1, update, phase, channel)
    assert outcome.judgement.noise.omitted == ""
    assert outcome.judgement.equivalent == ()


@pytest.mark.parametrize(
    ("row", "channel", "reason"),
    [
        (("adam-eps",), "optimizer_group", "optimizer hyper-parameters"),
        (("adam-eps", BF16), "optimizer_group", "optimizer hyper-parameters"),
        (("decay-on-biases",), "optimizer_group", "optimizer hyper-parameters"),
        (("half",), "micro_steps", "the amount of data"),
        (("other-data",), "batch", "same samples"),
        (("swapped-targets",), "target", "same samples"),
    ],
    ids=str,
)
def test_what_is_no_matter_of_rounding_needs_no_noise(
    row: tuple[str, ...], channel: str, reason: str, judged: Judged
) -> None:
    outcome = judged(*row)
    assert (outcome.exit_code, outcome.judgement.first_divergence.channel.name) == (1, channel)
    assert reason in outcome.judgement.noise.omitted


@pytest.mark.parametrize("variant", ["merged", "reversed"])
def test_other_micro_batches_under_dropout_are_another_training(variant: str, judged: Judged) -> None:
    assert judged(variant, DROPOUT).exit_code == 1


def test_in_bfloat16_one_step_from_equal_gradients_is_judged_by_rounding(judged: Judged) -> None:
    noise = judged("hidden-eps", BF16).judgement.noise
    assert noise.coarse.channel.name == "parameter"
    assert noise.weighings[noise.coarse].ratio < 10, "the noise alone would have hidden it"
    assert judged("fused", BF16).judgement.noise.coarse is None


def test_noise_that_hides_small_defects_is_called_so(judged: Judged) -> None:
    assert judged("fused", BF16).judgement.noise.blurred > 1e-3
    assert judged("fused", BF16, FP32).judgement.noise.blurred is None


def stages(progress: bytes) -> list[str]:
    return [line.partition(": ")[2] for line in progress.decode().splitlines()]


def test_a_pair_from_start_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The perturbed runs are made once for a reference, and never for a candidate that is identical."""
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "kept"))
    short = ("--updates", "2")
    plain, merged, tanh = (command(VARIANTS, name) for name in ("plain", "merged", "gelu-tanh"))
    assert not any("perturbed" in one for one in stages(parity("compare", plain, plain, *short, cwd=tmp_path).stderr))

    done = parity("compare", plain, merged, *short, "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"], result["noise"]["runs"]) == (0, "equivalent", 3)
    assert 0 < result["noise"]["worst"]["ratio"] < 10
    assert result["noise"]["worst"]["distance"] > 0 < result["noise"]["worst"]["floor"]
    assert stages(done.stderr)[-1] == "reference, perturbed run 3 of 3"

    report = tmp_path / "reports/out/compare/report.md"
    before = report.read_bytes()
    assert "| equivalent |" in before.decode()
    shown = parity("report", "reports/out/compare", cwd=tmp_path)
    assert (shown.returncode, report.read_bytes()) == (0, before)
    assert "largest ratio" in shown.stdout.decode()

    again = parity("compare", plain, tanh, *short, "--no-zoom", "--json", cwd=tmp_path)
    assert (again.returncode, json.loads(again.stdout)["noise"]["runs"]) == (1, 3)
    assert stages(again.stderr)[-1] == "reference, reused from the cache, perturbed run 3 of 3"

    both = parity("compare", plain, merged, *short, "--noise-runs=1", "--replay=fp32", "--json", cwd=tmp_path)
    verdicts = {one["scenario"]: (one["verdict"], one["noise"]["runs"]) for one in json.loads(both.stdout)}
    assert verdicts == {"scratch": ("equivalent", 1), "scratch-fp32": ("equivalent", 1)}
    assert "computed in float32" in report.read_text(encoding="utf-8")


def test_without_perturbed_runs_nothing_is_called_noise(tmp_path: Path) -> None:
    done = parity(
        "compare", command(TINY), command(TINY, "--lr=0.0100000001"), "--noise-runs=0", "--json", cwd=tmp_path
    )
    assert (done.returncode, json.loads(done.stdout)["noise"]["worst"]) == (1, None)
    assert stages(done.stderr)[-1] == "reference-rerun"
