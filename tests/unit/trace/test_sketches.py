"""Sketches: the same everywhere, blind to nothing that tensors do, and no trouble for the program."""

import random

import numpy as np
import pytest
import torch

from parity.compare.sketches import FLOOR, distance, worded
from parity.trace.sketches import _BLOCK, _PRIME, Schedule, Sketcher

SKETCHER = Sketcher()


def sketch(tensor):
    return SKETCHER.sketch(tensor).numpy()


def true(one, other):
    return float((one.double() - other.double()).norm() / one.double().norm())


def test_the_tables_are_the_same_in_every_process_and_on_every_machine():
    """Whole numbers add up exactly in any order; another result here makes all stored sketches worthless."""
    counted = sketch(torch.arange(-70_000, 70_000, dtype=torch.int64) % 7)
    assert counted.sum() == 1778.0
    assert counted[:6].tolist() == [112.0, 46.0, 24.0, -107.0, 332.0, 26.0]


CHANGES = {
    "dense": lambda one, chance: one + 1e-3 * torch.randn(one.shape, generator=chance),
    "constant": lambda one, chance: one + 0.01,
    "one row": lambda one, chance: torch.cat([one[:1] * 2, one[1:]]),
    "one column": lambda one, chance: torch.cat([one[:, :1] * 2, one[:, 1:]], 1),
    "rank one": lambda one, chance: one + 1e-2 * torch.outer(one[:, 0], one[0]),
    "swapped rows": lambda one, chance: one[torch.tensor([1, 0, *range(2, len(one))])],
    "permuted rows": lambda one, chance: one[torch.randperm(len(one), generator=chance)],
    "signs": lambda one, chance: torch.where(torch.rand(one.shape, generator=chance) < 0.01, -one, one),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shape", [(64, 128), (600, 1024)], ids=["one block", "several blocks"])
def test_the_distance_is_estimated_whatever_was_changed(change, shape):
    ratios = []
    for seed in range(12):
        chance = torch.Generator().manual_seed(seed)
        one = torch.randn(shape, generator=chance)
        other = CHANGES[change](one, chance)
        ratios.append(distance(sketch(one), sketch(other)) / true(one, other))
    assert 0.8 < np.median(ratios) < 1.2
    assert min(ratios) > 0.5
    assert max(ratios) < 1.7


@pytest.mark.parametrize("size", [1, 63, _PRIME - 1, _PRIME, _PRIME + 1, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK])
def test_the_length_is_kept_at_every_size(size):
    one = torch.randn(size, generator=torch.Generator().manual_seed(1))
    assert np.linalg.norm(sketch(one)) == pytest.approx(float(one.norm()), rel=0.4)


def test_a_sketch_is_linear():
    one, other = (torch.randint(-9, 9, (_BLOCK + 99,), generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    assert (sketch(one) - sketch(other) == sketch(one - other)).all()


@pytest.mark.parametrize("exponent", [-2, -4, -6, -9])
def test_small_distances_are_seen_down_to_the_floor(exponent):
    one = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    moved = one.double() * (1 + 10.0**exponent * torch.randn(512, 512, generator=torch.Generator().manual_seed(1)))
    estimate = distance(sketch(one), sketch(moved.float()))
    if exponent < -6:
        assert estimate < FLOOR
        assert worded(estimate) == "below 3e-7"
    else:
        assert estimate == pytest.approx(true(one, moved.float()), rel=0.4)
        assert worded(estimate).startswith("about ")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(3, 5).t(),
        torch.ones(15, dtype=torch.bfloat16),
        torch.ones(15, dtype=torch.int64),
        torch.ones(3, 5).to_sparse(),
        torch.ones(15, dtype=torch.float64).expand(1, 15),
        torch.nn.Parameter(torch.ones(15)),
    ],
    ids=["transposed", "bfloat16", "int64", "sparse", "expanded", "parameter"],
)
def test_layout_and_dtype_do_not_matter(tensor):
    assert (sketch(tensor) == sketch(torch.ones(15))).all()


def test_row_major_order_and_complex_parts_count():
    grid = torch.arange(12.0).reshape(3, 4)
    assert (sketch(grid.t()) == sketch(grid.t().contiguous())).all()
    assert (sketch(grid.t()) != sketch(grid)).any()
    pair = torch.complex(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 4.0]))
    assert (sketch(pair) == sketch(torch.tensor([1.0, 2.0, 3.0, 4.0]))).all()
    assert (sketch(pair.conj()) == sketch(torch.tensor([1.0, -2.0, 3.0, -4.0]))).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_there_is_no_distance_from_nothing_or_from_no_number(value):
    assert distance(sketch(torch.full((9,), value)), sketch(torch.ones(9))) is None


def test_an_empty_tensor_has_a_sketch():
    assert not sketch(torch.empty(0, 3)).any()


def test_nothing_of_the_program_is_touched():
    parameter = torch.nn.Parameter(torch.randn(5000))
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy(), parameter._version
    content = parameter.detach().clone()
    torch.set_default_dtype(torch.float64)
    try:
        made = Sketcher().sketch(parameter)
    finally:
        torch.set_default_dtype(torch.float32)
    assert (made.dtype, made.requires_grad, made.grad_fn) == (torch.float32, False, None)
    assert torch.equal(before[0], torch.get_rng_state())
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()
    assert parameter._version == before[3]
    assert torch.equal(parameter, content)
    assert torch.is_grad_enabled()


# -- schedule


@pytest.mark.parametrize(
    ("text", "limit", "taken"),
    [
        ("auto", None, [0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 200]),
        ("every:60", None, [0, 60, 120, 180]),
        ("every:1", None, list(range(201))),
        ("last:2", 50, [48, 49]),
        ("last:2", None, []),
        ("first:6", None, [0, 1, 2, 3, 4, 5, 8, 16, 32, 64, 100, 128, 200]),
        ("off", None, []),
    ],
)
def test_which_updates_are_sketched(text, limit, taken):
    schedule = Schedule.parse(text)
    assert [update for update in range(-1, 201 if limit is None else limit) if schedule.takes(update, limit)] == taken


@pytest.mark.parametrize("text", ["", "auto:1", "every", "every:", "every:0", "every:-1", "last:x", "first:0", "never"])
def test_a_schedule_that_means_nothing_is_refused(text):
    with pytest.raises(ValueError, match="expected auto"):
        Schedule.parse(text)
