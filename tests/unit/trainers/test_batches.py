import pickle
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.char_gpt.batch_manager import BatchManager
from trainers.char_gpt.batches import BATCHES_PER_REFILL, BatchCutter, ValidationBatches, cut_batches
from trainers.char_gpt.curriculum import Curriculum
from trainers.common.data import open_tokens, read_vocabulary_size
from trainers.common.errors import DataError

CPU = torch.device("cpu")


def stream(length):
    """Tokens that are their own positions."""
    return np.arange(length, dtype="<u2")


@given(
    length=st.integers(0, 400),
    start=st.integers(0, 100),
    batch_size=st.integers(1, 5),
    block_size=st.integers(1, 9),
    count=st.integers(0, 12),
)
def test_batches_are_consecutive_windows_of_the_stream(length, start, batch_size, block_size, count):
    span = batch_size * block_size
    batches = list(cut_batches(stream(length), start=start, batch_size=batch_size, block_size=block_size, count=count))
    assert len(batches) == min(count, max(0, (length - start - 1) // span))  # one token more than inputs
    for number, (inputs, targets) in enumerate(batches):
        assert inputs.shape == targets.shape == (batch_size, block_size)
        assert inputs.dtype == targets.dtype == torch.int64
        begin = start + number * span
        assert inputs.flatten().tolist() == list(range(begin, begin + span))
        assert torch.equal(targets, inputs + 1)
        assert targets[:-1, -1].tolist() == inputs[1:, 0].tolist()  # the last target of a row opens the next one


def write_shards(directory, *lengths):
    paths = []
    first = 0
    for number, length in enumerate(lengths):
        path = directory / f"shard_{number}.bin"
        (stream(length) + first).astype("<u2").tofile(path)
        first += length
        paths.append(path)
    return paths


def manager(paths, seed=1, batch_size=2, block_size=3):
    cutter = BatchCutter(paths, batch_size=batch_size, block_size=block_size, places=random.Random(seed))
    return BatchManager(cutter, curriculum=Curriculum(1000), corpus=lambda: torch.ones(1000), device=CPU)


def test_a_refill_starts_where_the_private_generator_says(tmp_path):
    paths = write_shards(tmp_path, 1000)
    batches = manager(paths, seed=5)
    expected = random.Random(5).randint(0, 1000 - BATCHES_PER_REFILL * 6)
    assert expected > 0
    for number in range(BATCHES_PER_REFILL):
        inputs, _ = batches.get_batch()
        assert inputs[0, 0].item() == expected + number * 6


def test_batches_do_not_draw_from_the_public_generators(tmp_path):
    paths = write_shards(tmp_path, 1000)
    served = []
    for public_seed in (1, 2):
        random.seed(public_seed)
        torch.manual_seed(public_seed)
        before = torch.get_rng_state()
        served.append(manager(paths).get_batch()[0])
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*served)


def test_shards_are_taken_in_turn(tmp_path):
    batches = manager(write_shards(tmp_path, 500, 500))
    shard_of = [int(batches.get_batch()[0][0, 0] >= 500) for _ in range(3 * (BATCHES_PER_REFILL - 1))]
    changes = [later for earlier, later in pairwise(shard_of) if earlier != later]
    assert shard_of[0] == 0
    assert changes == [1, 0]


def test_a_shard_too_short_for_a_batch_is_passed_over(tmp_path):
    batches = manager(write_shards(tmp_path, 6, 500))  # six inputs, but no last target
    assert batches.get_batch()[0][0, 0].item() >= 6


def test_no_shard_long_enough_is_an_error(tmp_path):
    with pytest.raises(DataError, match="7 tokens"):
        manager(write_shards(tmp_path, 6, 3)).get_batch()


def test_served_tokens_are_counted(tmp_path):
    batches = manager(write_shards(tmp_path, 1000))
    for _ in range(4):
        batches.get_batch()
    assert batches.total_tokens_served == 4 * 2 * 3


def test_validation_windows_come_from_the_global_generator(tmp_path):
    (path,) = write_shards(tmp_path, 100)
    batches = ValidationBatches(path, block_size=7, device=CPU)
    torch.manual_seed(3)
    expected = torch.randint(100 - 7, (5,))
    torch.manual_seed(3)
    inputs, targets = batches.get_batch(5)
    assert torch.equal(inputs[:, 0], expected)
    assert torch.equal(inputs, expected[:, None] + torch.arange(7))
    assert torch.equal(targets, inputs + 1)


@pytest.mark.parametrize("length", [0, 1, 7])
def test_too_few_validation_tokens_are_an_error(tmp_path, length):
    (path,) = write_shards(tmp_path, length)
    with pytest.raises(DataError):
        ValidationBatches(path, block_size=7, device=CPU)


def test_a_missing_token_file_is_an_error_that_helps(tmp_path):
    with pytest.raises(DataError, match=r"absent\.bin.*--data_dir"):
        open_tokens(tmp_path / "absent.bin")


def test_the_vocabulary_size_comes_from_the_meta_file(tmp_path):
    assert read_vocabulary_size(tmp_path) is None
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": 65}))
    assert read_vocabulary_size(tmp_path) == 65
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps({"size": 65}))
    with pytest.raises(DataError, match="vocab_size"):
        read_vocabulary_size(tmp_path)
