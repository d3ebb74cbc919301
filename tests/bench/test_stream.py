"""What charts cost family stream: time of the training, and memory over a thousand of them."""

import time
import tracemalloc
from pathlib import Path

import pytest

from tests.bench.ratios import interleave
from trainers.__main__ import main
from trainers.stream.book import Layout, PlainBook
from trainers.stream.charts import STEPS
from trainers.stream.drawing import BackgroundBook

ROUNDS = 3
STEPS_PER_RUN = 1000
INTERVAL = 50
CHARTS = 1000


@pytest.mark.timeout(3600)
def test_charts_every_fifty_steps(benchmark, tmp_path: Path, monkeypatch) -> None:
    """Seconds of the loop over steps, which another process must not slow down; it is waited for afterwards."""
    from trainers.stream import command

    assert main(["data", "stream-texts", "--texts", str(STEPS_PER_RUN + 100), "--out", str(tmp_path)]) == 0
    seconds: list[float] = []
    loop = command.train_by_step

    def timed(*arguments):
        begin = time.perf_counter()
        yield from loop(*arguments)
        seconds.append(time.perf_counter() - begin)

    monkeypatch.setattr(command, "train_by_step", timed)
    handing = [0.0, 0.0]

    class Timed(BackgroundBook):
        """Counts what the training itself spends on its book: on a busy machine the ratio shows the others' work."""

        def add(self, row) -> None:
            begin = time.perf_counter()
            super().add(row)
            handing[0] += time.perf_counter() - begin

        def publish(self, step: int) -> None:
            begin = time.perf_counter()
            super().publish(step)
            handing[0] += time.perf_counter() - begin

    monkeypatch.setattr(command, "BackgroundBook", Timed)

    def measured(charts: str):
        def run() -> float:
            words = ["--vocab-size=300", "--embedding-dim=64", "--max-seq-length=128", f"--steps={STEPS_PER_RUN}"]
            words += [f"--viz-interval={INTERVAL}", f"--charts={charts}", f"--output-dir={tmp_path / charts}"]
            words += ["--sample-output=targets", "--log-interval=500", f"--dataset={tmp_path / 'texts.jsonl'}"]
            assert main(["stream", "sample", *words]) == 0
            handing[1] += seconds[-1] if charts == "background" else 0.0
            return seconds.pop()

        return run

    variants = {"no charts": measured("none"), "charts by another process": measured("background")}
    ratios = interleave(variants, base="no charts", rounds=ROUNDS)
    print()
    for ratio, budget in zip(ratios, ("", "at most 1.02x"), strict=True):
        print(ratio.line(budget))
    print(f"handed over in {handing[0] / handing[1]:.3%} of the training time   budget at most 2 %")
    benchmark.pedantic(variants["no charts"], rounds=1)


@pytest.mark.timeout(3600)
def test_memory_of_a_thousand_charts(benchmark, tmp_path: Path) -> None:
    """Traced memory after the first tenth and at the end: figures that stay open would show."""
    book = PlainBook(Layout(directory=tmp_path, style=STEPS, dots_per_inch=10))
    row = {"loss": 2.0, "accuracy": 0.5, "throughput": 10.0, "learning_rate": 0.1}
    for number in range(STEPS.window + 1):
        book.add({"steps": number, **row})

    def publish() -> int:
        book.publish(0)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    sizes = [publish() for _ in range(CHARTS)]
    tracemalloc.stop()
    early, late = (max(part) / 2**20 for part in (sizes[CHARTS // 20 : CHARTS // 10], sizes[-CHARTS // 20 :]))
    print(f"\ntraced memory: {early:.2f} MB after {CHARTS // 10} charts, {late:.2f} MB after {CHARTS}   budget flat")
    benchmark.pedantic(publish, rounds=1)
