"""What the command line costs: its help, and comparing small and large traces."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from parity.trace.manifest import write_manifest
from parity.trace.wire import SUFFIX, Writer, float_bits
from tests.bench.ratios import interleave
from tests.e2e.programs import ROOT, run

SERIES = 20


def timed(words: list[str], *, status: int = 0) -> Callable[[], float]:
    def measure() -> float:
        begin = time.perf_counter()
        assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == status
        return time.perf_counter() - begin

    return measure


def write_trace(directory: Path, updates: int) -> Path:
    """A trace of ``updates`` updates with twenty series."""
    directory.mkdir(parents=True)
    write_manifest(directory, {"command": "python train.py", "exit_status": 0, "world": 1})
    writer = Writer(directory / f"rank0-1{SUFFIX}", {"rank": 0, "world": 1, "pid": 1, "digest": "xxh3-64"})
    writer.observe(-1, "parameter_initial", "weight", 1)
    for update in range(updates):
        writer.observe(update, "lr", "all groups", float_bits(1.0 / (update + 1)))
        for series in range(SERIES - 1):
            writer.observe(update, "parameter", f"layer.{series}", update * 31 + series)
        writer.flush()
    writer.seal({"updates": updates})
    return directory


def peak_megabytes(words: list[str]) -> float:
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(run([sys.executable, "-c", code, *words], cwd=ROOT).stdout) / 1024


def test_start_up(benchmark, tmp_path: Path) -> None:
    """``parity --help`` and ``diff`` of small traces."""
    small = [str(write_trace(tmp_path / name, 20)) for name in ("a", "b")]
    parity = [sys.executable, "-m", "parity.cli"]
    variants = {
        "python -c pass": timed([sys.executable, "-c", "pass"]),
        "parity --help": timed([*parity, "--help"]),
        "parity diff, 20 updates": timed([*parity, "diff", *small, "--waivers", str(tmp_path / "none.toml")]),
        "the same, with a ledger": timed([*parity, "diff", *small]),
    }
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": "python -c pass", "rounds": 9}, rounds=1)
    budgets = {"parity --help": "100 ms", "parity diff, 20 updates": "300 ms"}
    print("\nstart-up")
    for row in table:
        benchmark.extra_info[row.name] = row.seconds
        print(row.line(budgets.get(row.name, "")))


def test_diff_of_long_traces(benchmark, tmp_path: Path) -> None:
    """``diff`` of two equal traces of 100 000 updates and twenty series."""
    long = [str(write_trace(tmp_path / name, 100_000)) for name in ("a", "b")]
    words = [sys.executable, "-m", "parity.cli", "diff", *long, "--json"]
    assert json.loads(run(words, cwd=ROOT).stdout)["verdict"] == "identical"
    variants = {
        "reading both files": timed(
            [sys.executable, "-c", f"[open(p + '/rank0-1.trace','rb').read() for p in {long!r}]"]
        ),
        "parity diff, 100 000 updates": timed(words),
    }
    table = benchmark.pedantic(
        interleave, args=(variants,), kwargs={"base": "reading both files", "rounds": 3}, rounds=1
    )
    print("\ndiff of long traces")
    for row in table:
        benchmark.extra_info[row.name] = row.seconds
        print(row.line("1.5 s and 500 MB" if row.name.startswith("parity") else ""))
    print(f"peak memory: {peak_megabytes(words):.0f} MB")
