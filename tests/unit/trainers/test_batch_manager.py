"""The buffer of training batches on both sides: nothing is lost or doubled, the same places, the same scores."""

import random
import threading
from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.trainers.witness import witness
from trainers.char_gpt import batch_manager
from trainers.char_gpt.batch_manager import BatchManager
from trainers.char_gpt.batches import BATCHES_PER_REFILL, BatchCutter
from trainers.char_gpt.corpus import Corpus
from trainers.char_gpt.curriculum import Curriculum
from trainers.common.errors import DataError

ROWS, LENGTH, VOCABULARY = 2, 3, 7
SPAN = ROWS * LENGTH
SIDES = ("reference", "candidate")
REFILLS = 100


@dataclass(frozen=True)
class Manager:
    """One side's manager under common names."""

    own: Any
    next: Any
    buffer: Any
    served: Any


class Impatient(threading.Event):
    """An event that nobody waits for, so that a thread that pauses does not."""

    def wait(self, timeout=None):
        return super().wait(0 if timeout is None or timeout < 1 else timeout)


def manager(side, shards, *, seed=5, vocabulary=VOCABULARY, background=False, corpus_tokens=600, kept=None):
    """``kept`` is where the estimate of the corpus is kept."""
    shards = list(shards)
    kept = shards[0].parent if kept is None else kept
    if side == "reference":
        quick = SimpleNamespace(Thread=threading.Thread, Lock=threading.Lock, Event=Impatient)
        script = witness(
            data_path=str(kept), corpus_dist_dir=None, corpus_tokens=corpus_tokens, master_process=True, threading=quick
        )
        own = script.BatchManager([str(one) for one in shards], ROWS, LENGTH, "cpu", seed, vocabulary, background)
        return Manager(own, own.get_next_batch, lambda: [x for _, x, _ in own.buffer], lambda: own.served_counts)
    places = random if background else random.Random(seed)
    corpus = Corpus(
        shards=shards, vocabulary_size=vocabulary, sample_tokens=corpus_tokens, directory=kept, is_master=True
    )
    curriculum = Curriculum(vocabulary)
    own = BatchManager(
        BatchCutter(shards, batch_size=ROWS, block_size=LENGTH, places=places),
        curriculum=curriculum,
        corpus=corpus.distribution,
        device=torch.device("cpu"),
        in_background=background,
    )
    return Manager(own, own.get_batch, lambda: [x for x, _ in own._buffer], lambda: curriculum.served_counts)


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr(batch_manager, "SECONDS_BETWEEN_REFILLS", 0.0)


def positions(directory, *lengths):
    """Shards whose tokens are their places in all of them together."""
    first, paths = 0, []
    for number, length in enumerate(lengths):
        paths.append(directory / f"shard_{number}.bin")
        np.arange(first, first + length).astype("<u2").tofile(paths[-1])
        first += length
    return paths


def some_text(directory, length=900, *, name="train.bin"):
    tokens = np.random.default_rng(3).choice(VOCABULARY, length, p=[0.4, 0.3, 0.1, 0.1, 0.06, 0.03, 0.01])
    tokens.astype("<u2").tofile(directory / name)
    return directory / name


def begins(batches):
    return [int(inputs[0, 0]) for inputs in batches]


@pytest.mark.parametrize("side", SIDES)
def test_a_thread_loses_no_batch_and_serves_none_twice(side, tmp_path, no_pause):
    shards = positions(tmp_path, 20_000, 20_000, 20_000)
    before = threading.active_count()
    made = manager(side, shards, vocabulary=60_000, background=True)
    served = [made.next() for _ in range(230)]
    made.own.shutdown()
    assert threading.active_count() == before
    everything = begins([inputs for inputs, _ in served] + made.buffer())
    refills = [everything[at : at + BATCHES_PER_REFILL] for at in range(0, len(everything), BATCHES_PER_REFILL)]
    assert len(refills) > 4
    for number, refill in enumerate(refills):
        assert refill == list(range(refill[0], refill[0] + BATCHES_PER_REFILL * SPAN, SPAN))
        assert refill[0] // 20_000 == number % 3, "shards are taken in turn"
    for inputs, targets in served:
        assert torch.equal(targets, inputs + 1)
    assert made.own.total_tokens_served == made.served().sum() == 230 * SPAN
    assert made.served().count_nonzero() == len({token for inputs, _ in served for token in inputs.flatten().tolist()})


def test_threads_of_both_sides_cut_at_the_same_kind_of_places(tmp_path, no_pause):
    shards = positions(tmp_path, 30_000)
    places = {}
    for seed, side in enumerate(SIDES):
        random.seed(seed)
        made = manager(side, shards, vocabulary=30_000, background=True)
        first = [begins([made.next()[0]])[0] for _ in range(REFILLS * BATCHES_PER_REFILL)][::BATCHES_PER_REFILL]
        made.own.shutdown()
        places[side] = np.sort(first)
    last = 30_000 - BATCHES_PER_REFILL * SPAN
    uniform = np.linspace(0, last, 2001)
    shares = {side: np.searchsorted(found, uniform, side="right") / len(found) for side, found in places.items()}
    # Kolmogorov and Smirnov: at one in a thousand, 1.95 / sqrt(n) against the law and 1.95 * sqrt(2 / n) between sides
    assert np.abs(shares["reference"] - shares["candidate"]).max() < 1.95 * (2 / REFILLS) ** 0.5
    for found in shares.values():
        assert np.abs(found - uniform / last).max() < 1.95 / REFILLS**0.5
    assert not np.array_equal(places["reference"], places["candidate"]), "two draws, not one"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("side", SIDES)
def test_a_thread_that_fails_does_not_leave_anybody_waiting(side, tmp_path):
    made = manager(side, positions(tmp_path, 6), background=True)  # six inputs, but no last target
    with pytest.raises((SystemExit, DataError)):
        made.next()


@pytest.mark.parametrize("alphas", [(0.0,), (0.5,), (1.0, 0.2), (0.7, 0.7, 0.1)])
def test_both_sides_put_batches_in_the_same_order(alphas, tmp_path):
    shards = [some_text(tmp_path)]
    served = {}
    for side in SIDES:
        made = manager(side, shards)
        served[side] = [made.next()[0] for _ in range(4)]
        for alpha in alphas:
            made.own.update_target_distribution(alpha)
            served[side] += [made.next()[0] for _ in range(11)]
    assert all(torch.equal(*pair) for pair in zip(*served.values(), strict=True))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("alpha", [0.0, 0.4])
def test_the_batch_whose_tokens_are_wanted_most_comes_first(side, alpha, tmp_path):
    path = some_text(tmp_path)
    made = manager(side, [path])
    inputs = [made.next()[0] for _ in range(9)]
    waiting = made.buffer()
    counts = Counter(token for batch in inputs for token in batch.flatten().tolist())
    corpus = Counter(np.fromfile(path, dtype="<u2")[:600].tolist())
    want = [
        ((1 - alpha) * corpus[token] / 600 + alpha / VOCABULARY) / (counts[token] / (9 * SPAN + 1e-9) + 1e-9)
        for token in range(VOCABULARY)
    ]
    scores = [sum(want[token] for token in batch.flatten().tolist()) for batch in waiting]
    made.own.update_target_distribution(alpha)
    first = made.next()[0]
    rest = [first, *made.buffer()]
    expected = sorted(range(len(waiting)), key=lambda at: -scores[at])
    assert [scores[at] for at in expected] == pytest.approx(
        [sum(want[token] for token in batch.flatten().tolist()) for batch in rest]
    )
    assert sorted(map(str, waiting)) == sorted(map(str, rest)), "ordering loses nothing and doubles nothing"
    assert scores[0] < max(scores), "there was something to order"


@pytest.mark.parametrize("side", SIDES)
def test_ordering_keeps_as_many_as_there_is_room_for(side, tmp_path, monkeypatch):
    made = manager(side, [some_text(tmp_path)])
    made.next()
    if side == "reference":
        made.own.capacity = 20
    else:
        monkeypatch.setattr(batch_manager, "CAPACITY", 20)
    made.own.update_target_distribution(0.3)
    made.next()
    assert len(made.buffer()) == 19


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("counts", "ignored", "expected"),
    [
        ([4, 2, 1, 1, 0, 0, 0], 0.5, [0, 1]),  # exactly half is not more than half
        ([4, 2, 1, 1, 0, 0, 0], 0.4, [0, 1]),
        ([1, 1, 4, 2, 0, 0, 0], 0.1, [2, 3, 0, 1]),
        ([4, 2, 1, 1, 0, 0, 0], 0.0, [0, 1, 2, 3, 4, 5, 6]),  # nothing is ignored, not even what was never served
        ([4, 2, 1, 1, 0, 0, 0], 1.0, [0]),
        ([0] * VOCABULARY, 0.3, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_fewest_tokens_that_are_nearly_all_of_what_was_served(side, counts, ignored, expected, tmp_path):
    made = manager(side, [some_text(tmp_path)])
    made.served()[:] = torch.tensor(counts, dtype=torch.float64)
    state = made.own if side == "reference" else made.own._curriculum
    setattr(state, "total_tokens_served" if side == "reference" else "total_served", sum(counts))
    assert made.own.get_non_outlier_tokens(ignored).tolist() == expected


def corpus_distribution(side, made, vocabulary=VOCABULARY):
    made.own.update_target_distribution(0.5)
    return made.own.corpus_dist if side == "reference" else made.own._corpus_distribution


@pytest.mark.parametrize("side", SIDES)
def test_the_corpus_is_counted_once_and_kept(side, tmp_path):
    shards = [some_text(tmp_path), some_text(tmp_path, 400, name="more.bin")]
    found = corpus_distribution(side, manager(side, shards, corpus_tokens=800, vocabulary=6))
    tokens = np.concatenate([np.fromfile(path, dtype="<u2")[:400] for path in shards]).clip(max=5)
    assert torch.equal(found, torch.from_numpy(np.bincount(tokens) / 800))  # what is no token counts as the last
    (tmp_path / "train.bin").write_bytes(b"")
    assert (tmp_path / "corpus_dist_approx_800.pt").exists()
    assert torch.equal(corpus_distribution(side, manager(side, shards, corpus_tokens=800, vocabulary=6)), found)


def test_short_shards_spoil_the_estimate_of_the_reference_only(tmp_path):
    shards = [some_text(tmp_path)]
    for side in SIDES:
        kept = tmp_path / side
        kept.mkdir()
        found = corpus_distribution(side, manager(side, shards, corpus_tokens=5000, kept=kept))
        assert bool(found.isnan().all()) is (side == "reference")
    assert found.sum() == pytest.approx(1.0)
