"""On a GPU, a GPT-2 of 124 million parameters, compiled, in bfloat16: what recording costs, and tokens per second."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from parity.record.launch import record
from tests.bench.ratios import interleave
from tests.bench.test_recording import LEVELS, show, update_seconds
from tests.ddp.gpus import needs_a_gpu
from tests.e2e.programs import ROOT

pytestmark = [pytest.mark.timeout(3600), needs_a_gpu]
ROUNDS = 3
FIRST, LAST = 20, 60
VOCABULARY = 50257
TOKENS = 3_000_000
SEQUENCES, LENGTH = 12, 1024
NANO = shlex.split(
    f"""
    --dataset=noise --device=cuda --compile=True --dtype=bfloat16 --n_layer=12 --n_head=12 --n_embd=768
    --vocab_size=50304 --block_size={LENGTH} --batch_size={SEQUENCES} --gradient_accumulation_steps=1
    --eval_interval=100000 --eval_iters=1 --max_iters={LAST + 1} --file_logging=False
    """
)
# As the trainer is meant to run: half a million tokens to an update.
WHOLE = ["--gradient_accumulation_steps=40", "--max_iters=30"]
GPT2 = shlex.split(
    f"""
    --dataset noise --device cuda --compile --dtype bfloat16 --model-name gpt2 --block-size {LENGTH}
    --batch-size {SEQUENCES} --gradient-accumulation 1 --eval-interval 100000 --eval-samples 1 --log-interval 10
    --max-iters {LAST + 1}
    """
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uniform tokens of GPT-2's vocabulary, which cost as much as any others."""
    place = tmp_path_factory.mktemp("bench") / "noise"
    place.mkdir()
    numbers = np.random.default_rng(0)
    for name in ("train.bin", "val.bin"):
        numbers.integers(VOCABULARY, size=TOKENS, dtype=np.uint16).tofile(place / name)
    return place


def test_recording_overhead_on_a_gpu(benchmark, data: Path, tmp_path: Path) -> None:
    """The witness of char_gpt, by its own clock, which waits for the GPU once per update."""

    def variant(level: str) -> Callable[[], float]:
        def measure() -> float:
            place = tmp_path / "run"
            shutil.rmtree(place, ignore_errors=True)
            out, trace = place / "out", place / "trace"
            trace.mkdir(parents=True)
            words = [sys.executable, str(ROOT / "legacy/char_gpt/train.py"), f"--data_dir={data}"]
            words += [*NANO, *WHOLE]
            words.append(f"--out_dir={out}")
            if level == "bare":
                with (trace / "stdout.txt").open("wb") as stdout:
                    subprocess.run(words, stdout=stdout, check=True)
            else:
                assert record(words, trace, replace(LEVELS[level], out=out), streams=False) == 0
            return update_seconds(trace)

        return measure

    variants = {level: variant(level) for level in ("bare", *LEVELS)}
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "bare", "rounds": ROUNDS}, rounds=1)
    show(benchmark, table, "recording, GPT-2 124M compiled in bfloat16 on a GPU")


def test_tokens_per_second_on_a_gpu(benchmark, data: Path, tmp_path: Path) -> None:
    """The refactored trainer, its witness, and beside them a loop in the style of nanoGPT: the witness of char_gpt."""

    def timed(options: list[str], *program: str) -> Callable[[], float]:
        def measure() -> float:
            words = [str(Path(__file__).with_name("timed_updates.py")), str(FIRST), str(LAST), *program, *options]
            done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
            return float(done.stdout.rpartition("seconds ")[2])

        return measure

    nano = [*NANO, f"--data_dir={data}", f"--out_dir={tmp_path / 'nano'}"]
    options = [*GPT2, "--data-dir", str(data.parent), "--output-dir", str(tmp_path / "gpt2")]
    variants = {
        "legacy/gpt2/train.py": timed(options, "legacy/gpt2/train.py"),
        "python -m trainers gpt2": timed(options, "-m", "trainers", "gpt2"),
        "in the style of nanoGPT": timed(nano, "legacy/char_gpt/train.py"),
    }
    base = "legacy/gpt2/train.py"
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": base, "rounds": ROUNDS}, rounds=1)
    print()
    for row, budget in zip(table, ("", "at most 1.02x", ""), strict=True):
        tokens = (LAST - FIRST) * SEQUENCES * LENGTH / row.seconds
        print(f"{row.line(budget)}   {tokens:,.0f} tokens/s")
