"""Eight ranks through engine baton against torchrun: the whole run, from its command to its end, and memory."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.record.warm.launcher import WarmLauncher
from tests.bench.ratios import interleave
from tests.e2e.programs import SCRIPTS

WORLD = 8
ROUNDS = 3


def timed(place: Path, engine: str, launcher: Launcher, bytes_of: dict[str, int]) -> Callable[[], float]:
    place.mkdir()
    recording = Recording(world=WORLD, engine=engine, environment={"OMP_NUM_THREADS": "1"})
    words = [sys.executable, str(SCRIPTS / "worlds" / "memory.py"), str(place)]

    def measure() -> float:
        begin = time.perf_counter()
        assert record(words, place / "trace", recording, streams=False, launcher=launcher) == 0
        seconds = time.perf_counter() - begin
        bytes_of[engine] = sum(int(path.read_text()) for path in place.glob("pss*"))
        return seconds

    return measure


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_worlds(benchmark, tmp_path: Path) -> None:
    """Seconds of a whole run and, at the end of its training, memory: pages that ranks share count once."""
    bytes_of: dict[str, int] = {}
    with WarmLauncher() as warm:
        variants = {
            "gloo": timed(tmp_path / "gloo", "gloo", start_fresh, bytes_of),
            "baton": timed(tmp_path / "baton", "baton", warm, bytes_of),
        }
        table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "gloo", "rounds": ROUNDS}, rounds=1)
    print(f"\n{WORLD} ranks, 20 updates; the first round of baton starts its server")
    for row in table:
        benchmark.extra_info[row.name] = row.ratio
        print(row.line("1.0x" if row.name == "baton" else ""))
    ratio = benchmark.extra_info["memory"] = bytes_of["baton"] / bytes_of["gloo"]
    print("  ".join(f"{name} {size / 2**20:.0f} MB" for name, size in sorted(bytes_of.items())), end="   ")
    print(f"memory {ratio:.2f}x   budget 0.5x")
