"""What charts cost family stream: time of the training, and memory over a thousand of them."""

import gc
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.ratios import Ratio, interleave
from trainers.__main__ import main
from trainers.stream.book import Layout, PlainBook
from trainers.stream.charts import STEPS

ROUNDS = 7
STEPS_PER_RUN = 1000
INTERVAL = 50
COUNTED = (100, 500, 1000)
BASE, DRAWN = "no charts", "charts by another process"
THREAD, PROCESS, CLOCK = "processor, training thread", "processor, training process", "clock"
BUDGETS = {THREAD: "at most 1.02x", PROCESS: "at most 1.02x", CLOCK: ""}
"""Of what is measured of the loop over steps; the clock also tells what else the machine does."""


@pytest.mark.timeout(3600)
def test_charts_every_fifty_steps(benchmark, tmp_path: Path, monkeypatch) -> None:
    """The same thousand steps with a chart every fifty and without any, in turn.

    The process that draws is another one, and is waited for behind the loop: what it costs the training is processor
    time of the training itself, in its own thread and in the one that sends, whatever the machine does besides.
    """
    from trainers.stream import command

    assert main(["data", "stream-texts", "--texts", str(STEPS_PER_RUN + 100), "--out", str(tmp_path)]) == 0
    loop = command.train_by_step
    spent: dict[str, float] = {}

    def timed(*arguments):
        begin = time.thread_time(), time.process_time(), time.perf_counter()
        yield from loop(*arguments)
        end = time.thread_time(), time.process_time(), time.perf_counter()
        spent.update({name: late - early for name, late, early in zip(BUDGETS, end, begin, strict=True)})

    monkeypatch.setattr(command, "train_by_step", timed)
    found: dict[str, dict[str, list[float]]] = {name: {BASE: [], DRAWN: []} for name in BUDGETS}

    def train(charts: str) -> dict[str, float]:
        words = ["--vocab-size=300", "--embedding-dim=64", "--max-seq-length=128", f"--steps={STEPS_PER_RUN}"]
        words += [f"--viz-interval={INTERVAL}", f"--charts={charts}", f"--output-dir={tmp_path / charts}"]
        words += ["--sample-output=targets", "--log-interval=500", f"--dataset={tmp_path / 'texts.jsonl'}"]
        assert main(["stream", "sample", *words]) == 0
        return spent

    train("none")
    for _ in range(ROUNDS):
        for variant, charts in ((BASE, "none"), (DRAWN, "background")):
            for name, seconds in train(charts).items():
                found[name][variant].append(seconds)
    drawn = len(list((tmp_path / "background" / "training_viz").glob("training_step_*.png")))
    print(f"\n{drawn} charts in {STEPS_PER_RUN} steps")
    for name, budget in BUDGETS.items():
        print(name)
        for ratio in replay(found[name]):
            print("  " + ratio.line(budget if ratio.name == DRAWN else ""))
    benchmark.pedantic(train, args=("none",), rounds=1)


def replay(found: dict[str, list[float]]) -> list[Ratio]:
    """The ratios of what has been measured in turn."""
    rounds: dict[str, Iterator[float]] = {name: iter(seconds) for name, seconds in found.items()}
    return interleave(
        {name: lambda one=one: next(one) for name, one in rounds.items()}, base=BASE, rounds=len(found[BASE])
    )


@pytest.mark.timeout(3600)
def test_memory_of_a_thousand_charts(benchmark, tmp_path: Path) -> None:
    """Resident memory of the process that draws, after a hundred charts, five hundred and a thousand."""
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    book = PlainBook(Layout(directory=tmp_path, style=STEPS, dots_per_inch=20))
    row = {"loss": 2.0, "accuracy": 0.5, "throughput": 10.0, "learning_rate": 0.1}
    for number in range(STEPS.recent + 1):
        book.add({"steps": number, **row})

    print()
    for number in range(1, max(COUNTED) + 1):
        book.publish(0)
        if number in COUNTED:
            print(f"{resident():7.1f} MB after {number} charts   budget flat")
    gc.collect()
    open_figures = sum(type(one) is Figure for one in gc.get_objects()) + len(plt.get_fignums())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{open_figures} figures open, expected none; at most {peak:.1f} MB were resident")
    benchmark.pedantic(book.publish, args=(0,), rounds=1)


def resident() -> float:
    """Megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
