"""Digests of what is on a device: what they tell apart. The arithmetic is the same on the CPU, where it is run here."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from parity.trace import device_digests
from parity.trace.device_digests import BLOCK, LARGE, OwedScalar, digest_of_zeros, digests_soon, pack
from parity.trace.digests import EMPTY, digest_tensor

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.int8, torch.bool)


def owed(*tensors: torch.Tensor) -> list[int]:
    return [int(one) for one in pack(list(tensors))]


def large(dtype: torch.dtype = torch.float32, elements: int = LARGE) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 100, (elements,), generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", [*DTYPES, torch.complex64], ids=str)
def test_a_small_tensor_has_the_digest_that_it_has_on_the_host(dtype: torch.dtype) -> None:
    tensor = large(dtype, 12).reshape(3, 4)
    assert owed(tensor, tensor.t(), tensor[1]) == [digest_tensor(one) for one in (tensor, tensor.t(), tensor[1])]


@pytest.mark.parametrize("dtype", [*DTYPES, torch.complex64], ids=str)
def test_one_element_of_a_large_tensor_counts_wherever_it_is(dtype: torch.dtype) -> None:
    tensor = large(dtype, BLOCK + LARGE)
    for place in (0, 1, BLOCK - 1, BLOCK, -1):
        other = tensor.clone()
        other[place] = ~other[place] if dtype is torch.bool else other[place] + 1
        assert owed(other) != owed(tensor)
        assert owed(tensor.clone()) == owed(tensor)


def swapped(tensor: torch.Tensor, one: int, other: int) -> torch.Tensor:
    result = tensor.clone()
    result[[one, other]] = tensor[[other, one]]
    return result


CHANGES = {
    "two elements swapped": lambda tensor: swapped(tensor, 5, 6),
    "two swapped across blocks": lambda tensor: swapped(tensor, 5, BLOCK + 5),
    "reversed": lambda tensor: tensor.flip(0),
    "shifted": lambda tensor: tensor.roll(1),
    "rows swapped": lambda tensor: tensor.reshape(2, -1).flip(0).reshape(-1),
    "blocks swapped": lambda tensor: torch.cat([tensor[BLOCK:], tensor[:BLOCK]]),
    "two signs": lambda tensor: torch.cat([-tensor[:2], tensor[2:]]),
    "all signs": lambda tensor: -tensor,
    "one sign of zero": lambda tensor: torch.cat([tensor[:3] * -0.0, tensor[3:]]),
    "half": lambda tensor: tensor / 2,
    "more": lambda tensor: torch.cat([tensor, tensor[:1]]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_that_leave_sums_or_contents_alike_are_seen(change: str) -> None:
    tensor = large(elements=2 * BLOCK).add_(1)
    tensor[:3] = torch.tensor([1.0, 2.0, 0.0])
    tensor[5:7] = torch.tensor([-1.0, 1.0])
    assert owed(CHANGES[change](tensor)) != owed(tensor)


@given(st.sets(st.integers(0, LARGE - 1), min_size=2, max_size=6).filter(lambda places: len(places) % 2 == 0))
def test_signs_that_change_in_pairs_are_seen(places: set[int]) -> None:
    tensor = torch.ones(LARGE)
    other = tensor.clone()
    other[list(places)] = -1.0
    assert owed(other) != owed(tensor)


def test_a_digest_depends_on_the_elements_and_not_on_where_they_lie() -> None:
    tensor = large(elements=4 * LARGE).reshape(-1, 4)
    moved = torch.cat([torch.zeros(1), tensor.reshape(-1)])[1:].reshape(-1, 4)
    assert owed(tensor, tensor.t().contiguous().t(), moved, torch.nn.Parameter(tensor)) == owed(tensor) * 4


def test_digests_are_the_same_in_every_version_and_on_every_machine() -> None:
    assert owed(large()) == [16119436272042797081]


def test_what_is_owed_is_what_was_there() -> None:
    small, big = torch.zeros(3), torch.zeros(LARGE)
    promised = pack([small, big])
    small.add_(1)
    big.add_(1)
    assert [int(one) for one in promised] == [digest_tensor(torch.zeros(3)), digest_of_zeros(LARGE, 4)]
    scalar = torch.tensor(3.0)
    value = OwedScalar(scalar, 2.0)
    scalar.zero_()
    assert float(value) == 1.5


@pytest.mark.parametrize(
    ("elements", "dtype"), [(7, torch.float32), (LARGE, torch.float64), (BLOCK + 1, torch.bfloat16)]
)
def test_the_digest_of_zeros_is_known_without_them(elements: int, dtype: torch.dtype) -> None:
    assert owed(torch.zeros(elements, dtype=dtype)) == [digest_of_zeros(elements, dtype.itemsize)]


def test_reading_one_reads_all_of_a_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: reads.append(1) or self.clone())
    first, second = pack([torch.zeros(3), torch.zeros(4)])
    assert (int(first), int(second)) == (digest_tensor(torch.zeros(3)), digest_tensor(torch.zeros(4)))
    assert len(reads) == 1


def test_what_is_on_the_host_is_digested_at_once_and_nothing_is_nothing() -> None:
    tensors = [torch.ones(2), torch.zeros(0), torch.ones(2, 2).t()]
    assert digests_soon(tensors) == [digest_tensor(tensors[0]), EMPTY, digest_tensor(tensors[2])]


def test_the_random_generators_are_left_alone() -> None:
    device_digests._factors.cache_clear()
    before = torch.get_rng_state()
    owed(large())
    assert torch.equal(torch.get_rng_state(), before)
