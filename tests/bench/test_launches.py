"""What a warm start saves: a short training program, from its command to its end, unrecorded output and all."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.record.warm.launcher import WarmLauncher
from tests.bench.ratios import interleave
from tests.e2e.programs import SCRIPTS, TINY

ROUNDS = 5


def timed(words: list[str], place: Path, launcher: Launcher) -> Callable[[], float]:
    recording = Recording(environment={"OMP_NUM_THREADS": "1"})

    def measure() -> float:
        begin = time.perf_counter()
        assert record([sys.executable, *words], place, recording, streams=False, launcher=launcher) == 0
        return time.perf_counter() - begin

    return measure


def test_warm_starts(benchmark, tmp_path: Path) -> None:
    """Seconds of a whole run, recorded: fresh, warm, and warm without torch."""
    with WarmLauncher() as warm:
        begin = time.perf_counter()
        timed([str(TINY)], tmp_path / "first", warm)()
        first = time.perf_counter() - begin
        variants = {
            "fresh": timed([str(TINY)], tmp_path / "fresh", start_fresh),
            "warm": timed([str(TINY)], tmp_path / "warm", warm),
            "warm, never imports torch": timed([str(SCRIPTS / "no_torch.py")], tmp_path / "no_torch", warm),
        }
        table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "fresh", "rounds": ROUNDS}, rounds=1)
    print("\na training of six updates, start-up included")
    for row in table:
        benchmark.extra_info[row.name] = row.ratio
        print(row.line())
    print(f"the first warm start, with that of its server: {first:.2f} s")
