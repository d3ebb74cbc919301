"""What comparing checkpoints costs beside the cheapest way to look at the same bytes, and in how much memory."""

import ctypes
import json
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from parity.checkpoint.reading import read_checkpoint
from parity.compare.checkpoints import compare_checkpoints
from tests.bench.ratios import interleave
from tests.e2e.programs import ROOT

GIGABYTE = 1 << 30
TENSORS = 128
ANONYMOUS = """
import re, sys, threading
from parity.cli import main
peak, done = 0, threading.Event()
def watch():
    global peak
    while not done.wait(0.05):
        rollup = open("/proc/self/smaps_rollup").read()
        peak = max(peak, int(re.search(r"Anonymous:\\s+(\\d+)", rollup).group(1)))
thread = threading.Thread(target=watch); thread.start()
try:
    main(["checkpoint", *sys.argv[1:], "--json"])
except SystemExit as end:
    done.set(); thread.join()
    print("\\nPEAK", peak // 1024, "EXIT", end.code)
"""


def write(path: Path, size: int, *, sparse: bool = False) -> Path:
    """A safetensors file of equal matrices; a sparse one holds zeros that take no room on the disk."""
    each = size // TENSORS
    columns = 1024
    header = {
        f"layer.{at}.weight": {
            "dtype": "F32",
            "shape": [each // 4 // columns, columns],
            "data_offsets": [at * each, (at + 1) * each],
        }
        for at in range(TENSORS)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    block = np.random.default_rng(0).standard_normal(each // 4, np.float32)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        if sparse:
            file.truncate(8 + len(text) + size)
        else:
            for _ in range(TENSORS):
                file.write(block)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A directory whose gigabytes do not outlive the test."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def timed(action: Callable[[], object]) -> Callable[[], float]:
    def measured() -> float:
        begin = time.perf_counter()
        action()
        return time.perf_counter() - begin

    return measured


def test_speed(benchmark, folder: Path) -> None:
    """Two equal checkpoints of 2 GB in the page cache."""
    import torch
    from deepdiff import DeepDiff
    from safetensors import safe_open

    paths = [write(folder / f"{side}.safetensors", 2 * GIGABYTE) for side in "ab"]
    memcmp = ctypes.CDLL(None).memcmp
    memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]

    def smallest() -> None:
        one, other = (np.memmap(path, np.uint8, "r") for path in paths)
        assert memcmp(one.ctypes.data, other.ctypes.data, len(one)) == 0

    def ours() -> None:
        comparison = compare_checkpoints(*(read_checkpoint(path) for path in paths))
        assert comparison.differences == ()
        assert comparison.compared == TENSORS + 1

    def each(check: Callable[[torch.Tensor, torch.Tensor], object]) -> Callable[[], None]:
        def loop() -> None:
            with safe_open(paths[0], "pt") as one, safe_open(paths[1], "pt") as other:
                for name in one.keys():  # noqa: SIM118 - not a dictionary
                    check(one.get_tensor(name), other.get_tensor(name))

        return loop

    few = np.random.default_rng(0).standard_normal(20_000)

    def deep() -> None:
        other = few.copy()
        other[7] += 1
        DeepDiff({"w": few}, {"w": other})

    exact = {"rtol": 0, "atol": 0}
    variants = {
        "memcmp over the mappings": timed(smallest),
        "parity checkpoint (read, compare)": timed(ours),
        "torch.equal": timed(each(torch.equal)),
        "torch.testing.assert_close": timed(each(lambda a, b: torch.testing.assert_close(a, b, **exact))),
        "deepdiff, 160 kB, one differs": timed(deep),
    }
    for action in (smallest, ours):
        action()
    base = "memcmp over the mappings"
    table = benchmark.pedantic(interleave, args=(variants,), kwargs={"base": base, "rounds": 5}, rounds=1)
    print("\ncomparing two checkpoints of 2 GB")
    for row in table:
        benchmark.extra_info[row.name] = row.seconds
        print(row.line("1.25x (0.8x the speed)" if row.name.startswith("parity") else ""))


@pytest.mark.parametrize(("size", "change"), [(20, False), (2, True)], ids=["20 GB equal", "2 GB different"])
def test_memory(benchmark, folder: Path, size: int, change: bool) -> None:
    """Anonymous memory at its peak, of two sparse files that are equal, or differ in every tensor."""
    paths = [write(folder / f"{side}.safetensors", size * GIGABYTE, sparse=True) for side in "ab"]
    if change:
        with paths[1].open("r+b") as file:
            for at in range(TENSORS):
                file.seek(-(at * (size * GIGABYTE // TENSORS) + 4), 2)
                file.write(b"\1")
    begin = time.perf_counter()
    words = [sys.executable, "-c", ANONYMOUS, *map(str, paths)]
    done = benchmark.pedantic(subprocess.run, args=(words,), kwargs={"cwd": ROOT, "capture_output": True}, rounds=1)
    _, peak, _, code = done.stdout.decode().splitlines()[-1].split()
    benchmark.extra_info["anonymous MB"] = int(peak)
    print(f"\n{size} GB, {time.perf_counter() - begin:.1f} s: {peak} MB anonymous   budget 200 MB")
    assert code == str(int(change)), done.stderr
