"""Everything in a checkpoint, leaf by leaf."""

import argparse
import collections
import dataclasses
import random

import numpy as np
import torch

from parity.record.probes.leaves import is_long, leaves


@dataclasses.dataclass
class Settings:
    width: int = 4


def keys(value):
    return [key for key, _ in leaves(value)]


def test_containers_are_gone_into():
    value = {"a": [1, (2, 3)], "b": collections.OrderedDict(c=4), "d": argparse.Namespace(e=5), "f": Settings()}
    assert dict(leaves(value)) == {"a.0": 1, "a.1.0": 2, "a.1.1": 3, "b.c": 4, "d.e": 5, "f.width": 4}


def test_empty_containers_are_leaves():
    assert list(leaves({"a": {}, "b": [], "c": ()})) == [("a", {}), ("b", []), ("c", ())]


def test_a_module_is_its_parameters_and_buffers():
    assert keys({"m": torch.nn.BatchNorm1d(2)}) == [
        "m.weight",
        "m.bias",
        "m.running_mean",
        "m.running_var",
        "m.num_batches_tracked",
    ]


def test_a_tensor_and_an_array_are_no_sequences():
    assert keys([torch.ones(3), np.ones(3)]) == ["0", "1"]


def test_the_state_of_a_generator_is_one_leaf():
    state = random.Random(0).getstate()
    assert keys(state) == ["0", "1", "2"]
    assert is_long(state[1])
    assert not is_long(list(range(64)))
    assert not is_long([*range(64), object()])


def test_nothing_is_copied():
    tensor = torch.ones(3)
    ((_, leaf),) = leaves({"a": tensor})
    assert leaf is tensor


def test_a_container_that_holds_itself_ends():
    value: dict = {}
    value["self"] = value
    assert len(list(leaves(value))) == 1
