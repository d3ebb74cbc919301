"""What the refactored trainer of family gpt2 costs beside its witness, update for update."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.ratios import interleave
from tests.e2e.programs import ROOT
from tests.mutants.planting import ENVIRONMENT
from trainers.__main__ import main

FIRST, LAST = 5, 65
ROUNDS = 5
OPTIONS = f"""
    --dataset char-tiny --device cpu --dtype float32 --model-name gpt2-tiny --block-size 64 --batch-size 8
    --gradient-accumulation 2 --max-iters {LAST + 1} --eval-interval 1000 --eval-samples 1 --log-interval 10
""".split()


@pytest.mark.parametrize(
    "more", [[], ["--optimizer", "adamwspam", "--spam-interval", "9", "--spam-enable-clip"]], ids=["adamw", "adamwspam"]
)
def test_sixty_updates_of_a_tiny_model(benchmark, more: list[str], tmp_path: Path) -> None:
    """Processor time of one thread, which other programs disturb least; the tiny model shows what the loop costs."""
    assert main(["data", "char-tiny", "--out", str(tmp_path / "char-tiny")]) == 0

    def timed(*program: str) -> Callable[[], float]:
        command = [sys.executable, str(Path(__file__).with_name("timed_updates.py")), str(FIRST), str(LAST), *program]
        options = [*OPTIONS, *more, "--data-dir", str(tmp_path), "--output-dir", str(tmp_path / "out")]

        def measured() -> float:
            done = subprocess.run(
                [*command, *options],
                cwd=ROOT,
                env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
                capture_output=True,
                text=True,
                check=True,
            )
            return float(done.stdout.rpartition("seconds ")[2])

        return measured

    variants = {
        "legacy/gpt2/train.py": timed("legacy/gpt2/train.py"),
        "python -m trainers gpt2": timed("-m", "trainers", "gpt2"),
    }
    options = {"base": "legacy/gpt2/train.py", "rounds": ROUNDS}
    ratios = benchmark.pedantic(interleave, args=(variants,), kwargs=options, rounds=1)
    print()
    for ratio, budget in zip(ratios, ("", "at most 1.02x"), strict=True):
        print(ratio.line(budget))
