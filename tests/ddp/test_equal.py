"""Engine baton computes what torchrun and gloo compute, bit for bit, on every rank and in every way that DDP offers."""

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from parity.record.launch import Recording, record
from parity.record.processes import Launcher, start_fresh
from parity.trace.store import read_trace
from tests.e2e.programs import SCRIPTS
from tests.servers import SERVERS

pytestmark = pytest.mark.xdist_group("equal")

TRAINING = ("plain", "accumulation", "bucket_view", "unused", "static_graph", "local_buffers", "join")
TALKING = ("collectives", "handles", "messages", "subgroups")
BEYOND = ("compiled", "inductor", "functional", "fully_sharded")
WAYS = {
    2: (*TRAINING, *TALKING, *BEYOND),
    3: ("plain", "accumulation", "unused", "compiled", *TALKING),
    4: (*TRAINING, "compiled", "inductor", *TALKING),
    5: ("plain", "accumulation"),
    7: ("plain", "accumulation"),
    8: ("plain", "accumulation", "compiled", "collectives"),
}
Found = Mapping[int, Mapping[int, Mapping[str, list[str]]]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worlds")


@cache
def run(place: Path, engine: str) -> Found:
    """What every rank found in each world and way, run once for all tests: starting torch costs more than they do."""
    out = place / engine
    out.mkdir()
    worlds = [f"{world}={','.join(ways)}" for world, ways in WAYS.items()]
    words = [sys.executable, str(SCRIPTS / "worlds" / "everything.py"), str(out), "gloo", *worlds]
    recording = Recording(world=max(WAYS), engine=engine, timeout=200, environment={"OMP_NUM_THREADS": "1"})
    launcher: Launcher = SERVERS if engine == "baton" else start_fresh
    status = record(words, out / "trace", recording, streams=False, launcher=launcher)
    assert status == 0, (out / "trace" / "stderr.txt").read_text()
    trace = read_trace(out / "trace")
    assert [note for process in trace.processes for note in process.notes if "probe" in note] == []
    found = [json.loads((out / f"rank{rank}.json").read_text()) for rank in range(max(WAYS))]
    return {
        world: {rank: {way: found[rank][str(world)][way] for way in ways} for rank in range(world)}
        for world, ways in WAYS.items()
    }


@pytest.mark.parametrize(("world", "way"), [(world, way) for world, ways in WAYS.items() for way in ways])
def test_baton_is_gloo_bit_for_bit(world: int, way: str, place: Path) -> None:
    gloo, baton = (run(place, engine)[world] for engine in ("gloo", "baton"))
    for rank in range(world):
        assert baton[rank][way] == gloo[rank][way], f"rank {rank} of {world}"
        assert baton[rank][way]


def test_ranks_have_randomness_of_their_own(place: Path) -> None:
    """What would make the others pass for nothing: ranks that all do the same."""
    found = run(place, "baton")[4]
    for way in TRAINING:
        assert len({tuple(found[rank][way]) for rank in range(4)}) == 4, way


def test_they_train_for_ten_updates(place: Path) -> None:
    """Each micro-step tells of its loss, and each update of gradients and of parameters."""
    found = run(place, "baton")[4][0]
    told = {way: len(found[way]) for way in ("plain", "accumulation", "compiled", "inductor")}
    assert told == {"plain": 10 * 3, "accumulation": 10 * 5, "compiled": 10 * 3, "inductor": 10 * 4}
