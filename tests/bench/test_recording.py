"""What recording costs: the witness at about 40 ms an update, bare and at each level."""

import re
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from tests.bench.ratios import Ratio, interleave
from tests.e2e.programs import ROOT, run

# Five rounds of every variant take longer than any test may.
pytestmark = pytest.mark.timeout(3600)
ROUNDS = 5
WARM_UP = 20
DEBUG_MODE = "torch DebugMode, output hashes"
FLAGS = shlex.split(
    """
    --dataset=tiny --device=cpu --compile=False --dtype=float32 --n_layer=4 --n_head=4 --n_embd=128 --block_size=64
    --batch_size=12 --gradient_accumulation_steps=1 --eval_interval=100000 --eval_iters=1 --max_iters=100
    --file_logging=False
    """
)
SKETCHES = "digest, sketches each update"
TRAINCHECK = "traincheck, selective"
BUDGETS = {"bare": "", "scalars": "1.01x", "digest": "1.03x", SKETCHES: "1.08x", DEBUG_MODE: "", TRAINCHECK: ""}
LEVELS = {
    "scalars": Recording(level="scalars"),
    "digest": Recording(level="digest"),
    SKETCHES: Recording(level="digest", sketch="every:1"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bench") / "data"
    assert run([sys.executable, "-m", "trainers", "data", "char-tiny", "--out", str(place)], cwd=ROOT).returncode == 0
    return place


def update_seconds(trace: Path) -> float:
    """Median time of an update, by the program's own clock, warm-up left out."""
    return printed_seconds((trace / "stdout.txt").read_text(encoding="utf-8"))


def printed_seconds(output: str) -> float:
    """The same, from what the program printed."""
    milliseconds = re.findall(r"time ([\d.]+)ms", output)
    return statistics.median(float(found) for found in milliseconds[WARM_UP:]) / 1e3


def variant(level: str, data: Path, place: Path, *extra: str) -> Callable[[], float]:
    def measure() -> float:
        shutil.rmtree(place, ignore_errors=True)
        out, trace = place / "out", place / "trace"
        trace.mkdir(parents=True)
        driver = [str(ROOT / "tests/bench/under_debug_mode.py")] if level == DEBUG_MODE else []
        words = [sys.executable, *driver, str(ROOT / "legacy/char_gpt/train.py"), f"--data_dir={data}", *FLAGS, *extra]
        words.append(f"--out_dir={out}")
        if level in ("bare", DEBUG_MODE):
            with (trace / "stdout.txt").open("wb") as stdout:
                subprocess.run(words, stdout=stdout, check=True)
        else:
            assert record(words, trace, replace(LEVELS[level], out=out), streams=False) == 0
        return update_seconds(trace)

    return measure


def show(benchmark, table: list[Ratio], title: str) -> None:
    print(f"\n{title}")
    for row in table:
        benchmark.extra_info[row.name] = row.ratio
        print(row.line(BUDGETS[row.name]))


def test_recording_overhead(benchmark, data: Path, tmp_path: Path) -> None:
    """Ratio of the time of an update, recorded to bare, with two peers beside it, one of them where it is installed."""
    variants = {level: variant(level, data, tmp_path / "run") for level in ("bare", *LEVELS, DEBUG_MODE)}
    if shutil.which("traincheck-collect") is not None:
        variants[TRAINCHECK] = selective(data, tmp_path)
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "bare", "rounds": ROUNDS}, rounds=1)
    show(benchmark, table, "recording, one update of the witness (0.83 M parameters, eager, one thread)")


def test_recording_overhead_compiled(benchmark, data: Path, tmp_path: Path) -> None:
    """The same with the model compiled."""
    variants = {level: variant(level, data, tmp_path / "run", "--compile=True") for level in ("bare", *LEVELS)}
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "bare", "rounds": ROUNDS}, rounds=1)
    show(benchmark, table, "recording, the same model compiled")


def test_interpreter_start_with_injection(benchmark, tmp_path: Path) -> None:
    """Milliseconds that injection adds to an interpreter that never imports torch."""
    script = tmp_path / "nothing.py"
    script.write_text("pass\n", encoding="utf-8")
    words = [sys.executable, str(script)]

    def timed(launch: Callable[[], object]) -> Callable[[], float]:
        def measure() -> float:
            import time

            begin = time.perf_counter()
            launch()
            return time.perf_counter() - begin

        return measure

    variants = {
        "bare": timed(lambda: subprocess.run(words, check=True)),
        "injected": timed(lambda: record(words, tmp_path / "trace", Recording())),
    }
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "bare", "rounds": 15}, rounds=1)
    print("\ninterpreter without torch")
    for row in table:
        benchmark.extra_info[row.name] = row.ratio
        print(row.line())
    print(f"added: {(table[1].seconds - table[0].seconds) * 1e3:.1f} ms   budget +15 ms")


def selective(data: Path, tmp_path: Path) -> Callable[[], float]:
    """The peer's selective mode: invariants inferred from six iterations, then only what they need is collected."""
    invariants = tmp_path / "invariants.json"
    collect(tmp_path / "full", data, iterations=6)
    words = ["traincheck-infer", "-f", str(tmp_path / "full"), "-o", str(invariants)]
    subprocess.run(words, check=True, capture_output=True, cwd=tmp_path)

    def measure() -> float:
        place = tmp_path / "selective"
        shutil.rmtree(place, ignore_errors=True)
        return printed_seconds(collect(place, data, "--invariants", str(invariants), iterations=60))

    return measure


def collect(place: Path, data: Path, *options: str, iterations: int) -> str:
    """What the witness prints while traincheck collects; a copy of it, for the tool writes beside the script."""
    script = place.with_suffix(".sh")
    flags = shlex.join([f"--data_dir={data}", *FLAGS, f"--max_iters={iterations}", f"--out_dir={place}-out"])
    script.write_text(f"#!/bin/bash\npython train.py {flags}\n", encoding="utf-8")
    witness = place.with_suffix(".witness")
    shutil.copytree(ROOT / "legacy/char_gpt", witness, dirs_exist_ok=True)
    words = [
        "traincheck-collect",
        "-p",
        str(witness / "train.py"),
        "-s",
        str(script),
        "-a",
        "--models-to-track",
        "model",
    ]
    words += ["--output-dir", str(place), *options]
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=place.parent).stdout
