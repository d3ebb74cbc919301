"""The algebra of world sizes over programs that divide work as torch's own sampler does, and over their mistakes."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DistributedSampler

from parity.compare.worlds import compare_worlds, total
from parity.trace.digests import digest_bytes
from parity.trace.model import Process, Trace
from tests.unit.compare.trace_builder import series, trace


@dataclass(frozen=True, kw_only=True)
class Program:
    """``accumulation`` micro-batches of ``batch`` samples per update over all ranks, of a dataset of ``length``."""

    batch: int
    accumulation: int
    length: int
    drop_last: bool
    mistake: str = ""

    def run(self, world: int) -> Trace:
        return trace(*(self.rank(rank, world) for rank in range(world)))

    def rank(self, rank: int, world: int) -> Process:
        shown = 0 if self.mistake == "one shard" else rank
        sampler = DistributedSampler(range(self.length), world, shown, shuffle=False, drop_last=self.drop_last)
        own = list(sampler)
        micro = self.accumulation if self.mistake == "not divided" else self.accumulation // world
        batches = [own[start : start + self.batch] for start in range(0, len(own), self.batch)]
        if len(batches[-1]) < self.batch:
            batches.pop()
        updates = len(batches) // micro
        at = [update for update in range(updates) for _ in range(micro)]
        drawn = [digest_bytes(repr(batch).encode()) for batch in batches[: len(at)]]
        consumed = [(update, one) for update, batch in zip(at, batches, strict=False) for one in batch]
        rate = [0.1 / (1 + update * (world if self.mistake == "schedule" else 1)) for update in range(updates)]
        apart = self.mistake == "no sync" and rank > 0
        written = ["model.pt"] if rank == 0 or self.mistake == "all write" else []
        found = Process(
            file="",
            header={"rank": rank, "world": world},
            series={
                one.key: one
                for one in (
                    series("micro_steps", [micro] * updates),
                    series("tokens", [micro * self.batch] * updates),
                    series("lr", rate, "0"),
                    series("gradient_syncs", [1] * updates),
                    series("parameter", [update + 100 * apart for update in range(updates)], "weight"),
                    series("batch", drawn, "0", updates=at),
                    series("sample", [one for _, one in consumed], updates=[update for update, _ in consumed]),
                    series("rng", [0 if self.mistake == "one seed" else rank], "torch"),
                    series("output", [2.0] * micro, "0", updates=[0] * micro),
                    series("loss", [2.0 / self.divisor(micro)] * micro, updates=[0] * micro),
                    series("eval_batch_shape", self.evaluated(rank, world), "0", updates=[0]),
                    series("collective", [4] * (1 + self.asks_alone(rank)), "all_reduce"),
                    *(series("file_written", [1], name, updates=[-1]) for name in written),
                )
                if len(one)
            },
        )
        assert found.updates > 1
        return found

    def divisor(self, micro: int) -> int:
        return self.accumulation if self.mistake == "divides by all" else micro

    def asks_alone(self, rank: int) -> bool:
        return self.mistake == "asks alone" and rank > 0

    def evaluated(self, rank: int, world: int) -> list[str]:
        size = len(range(rank, 9, world))
        return [f"float32[{-(-9 // world) if self.mistake == 'pads evaluation' else size}, 6]"]


PROGRAMS = st.builds(
    Program,
    batch=st.integers(1, 3),
    accumulation=st.sampled_from([4, 8, 12]),
    length=st.integers(0, 40).map(lambda more: 300 + more),
    drop_last=st.booleans(),
)
WORLDS = st.sampled_from([(1, 2), (1, 4), (2, 4)])


def same_updates(program: Program, smaller: int, larger: int) -> bool:
    """Padding and dropping may cost an update more or less: that the law on updates is to see, and others not."""
    return program.run(smaller).processes[0].updates == program.run(larger).processes[0].updates


@given(program=PROGRAMS, worlds=WORLDS)
def test_a_program_that_divides_its_work_keeps_every_law(program: Program, worlds: tuple[int, int]) -> None:
    smaller, larger = worlds
    comparison = compare_worlds(program.run(smaller), program.run(larger))
    broken = {one.channel.name for one in comparison.measurements}
    uneven = program.length % larger != 0
    padded = uneven and not program.drop_last
    allowed = ({"batch"} if padded else set()) | ({"sample"} if uneven else set())
    assert broken <= allowed | (set() if same_updates(program, *worlds) else {"updates", "sample"})
    assert {
        "updates",
        "micro_steps",
        "tokens",
        "lr",
        "parameter",
        "batch",
        "file_written",
        "sample",
        "loss",
        "rng",
        "eval_forwards",
        "collective",
    } <= comparison.coverage.keys()


@pytest.mark.parametrize(
    ("mistake", "channel"),
    [
        ("not divided", "micro_steps"),
        ("not divided", "tokens"),
        ("schedule", "lr"),
        ("no sync", "parameter"),
        ("one shard", "batch"),
        ("all write", "file_written"),
        ("one shard", "sample"),
        ("one seed", "rng"),
        ("divides by all", "loss"),
        ("pads evaluation", "eval_forwards"),
        ("asks alone", "collective"),
    ],
)
@given(program=PROGRAMS, worlds=WORLDS)
def test_every_mistake_breaks_its_law(mistake: str, channel: str, program: Program, worlds: tuple[int, int]) -> None:
    wrong = Program(**{**vars(program), "mistake": mistake})
    smaller, larger = worlds
    first, second = wrong.run(smaller), wrong.run(larger)
    found = [one for one in compare_worlds(first, second).measurements if one.channel.name == channel]
    assert found
    if channel in ("micro_steps", "tokens"):
        assert found[0].candidate == found[0].reference * larger // smaller


@given(program=PROGRAMS, world=st.sampled_from([1, 2, 4]))
def test_totals_do_not_depend_on_the_world(program: Program, world: int) -> None:
    counted = total(program.run(world), "micro_steps")
    assert set(counted) == {program.accumulation}
    assert set(total(program.run(world), "tokens")) == {program.accumulation * program.batch}
    assert math.prod(counted) > 0


def test_ranks_that_did_not_exist_have_done_what_rank_0_did() -> None:
    program = Program(batch=2, accumulation=4, length=300, drop_last=True)
    alone = trace(program.rank(0, 4), engine="fake")
    assert total(alone, "micro_steps") == total(program.run(4), "micro_steps")
