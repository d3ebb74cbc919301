"""Eight ranks through engine baton against torchrun, and 64: the whole run, from command to end, and memory."""

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

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
    # Many ranks on few processors take longer than any test may.
    pytest.mark.timeout(3600),
]
WORLD = 8
MANY = 64
MOST_BYTES = 24 * 2**30
ROUNDS = 3


def timed(
    place: Path, engine: str, launcher: Launcher, bytes_of: dict[str, int], world: int = WORLD
) -> Callable[[], float]:
    place.mkdir()
    recording = Recording(world=world, engine=engine, environment={"OMP_NUM_THREADS": "1"})
    words = [sys.executable, str(SCRIPTS / "worlds" / "memory.py"), str(place)]

    def measure() -> float:
        begin = time.perf_counter()
        assert record(words, place / "trace", recording, streams=False, launcher=launcher) == 0
        seconds = time.perf_counter() - begin
        bytes_of[engine] = sum(int(path.read_text()) for path in place.glob("pss*"))
        return seconds

    return measure


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


def test_many_ranks(benchmark, tmp_path: Path) -> None:
    """As many ranks as a small cluster has, on this machine."""
    bytes_of: dict[str, int] = {}
    with WarmLauncher() as warm:
        measure = timed(tmp_path / "baton", "baton", warm, bytes_of, MANY)
        seconds = benchmark.pedantic(measure, rounds=1)
    size = benchmark.extra_info["memory"] = bytes_of["baton"]
    print(f"\n{MANY} ranks through baton, 20 updates: {seconds:.0f} s, {size / 2**30:.1f} GB   budget 24 GB")
    assert size <= MOST_BYTES
