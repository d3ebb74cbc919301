"""What came into a collection and what left it, as an explanation: what is equal is decided elsewhere."""

import json
import math
import os
import random
import subprocess
import sys

import pytest

from parity.checkpoint.model import Leaf
from parity.compare.leaves import first_difference
from parity.compare.structures import changes
from tests.unit.checkpoint.reading import aspects, compare

ROWS = {
    "put in front": ([1, 2, 3, 4], [0, 1, 2, 3, 4], "added 0"),
    "put between": ([1, 2, 4], [1, 2, 3, 4], "added 3"),
    "taken out": (["a", "b", "c"], ["a", "c"], "removed 'b'"),
    "both": ([1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7], "removed 1; added 6, 7"),
    "many": ([], list(range(6)), "added 0, 1, 2 and 3 more"),
    "changed in place": ([1, 2, 3], [1, 9, 3], ""),
    "equal": ([1, 2], [1, 2], ""),
    "too many": ([], list(range(300)), ""),
    "too long": (["a" * 300], ["a" * 300, "b"], ""),
    "too large": ([1 << 300], [1 << 300, 1], ""),
    "no number": ([math.nan], [math.nan, 1.0], "added 1.0"),
}


@pytest.mark.parametrize("name", ROWS)
def test_lists(name):
    ours, theirs, words = ROWS[name]
    assert changes(Leaf("list", tuple(ours)), Leaf("list", tuple(theirs))) == words


def test_sets_have_no_order():
    one, other = Leaf("set", ("b", "c", "a")), Leaf("set", ("a", "d", "b"))
    assert changes(one, other) == "removed 'c'; added 'd'"
    assert changes(one, Leaf("set", ("a", "b", "c"))) == ""


def test_other_types_and_single_values_have_no_elements():
    assert changes(Leaf("list", (1,)), Leaf("tuple", (1, 2))) == ""
    assert changes(Leaf("str", "a"), Leaf("str", "ab")) == ""


@pytest.mark.parametrize(("ours", "theirs"), [([1, 2], [1, 2.0]), ([0.0], [-0.0]), ([1], [True])])
def test_what_looks_equal_to_the_explanation_differs_all_the_same(ours, theirs):
    one, other = Leaf("list", tuple(ours)), Leaf("list", tuple(theirs))
    assert changes(one, other) == ""
    assert first_difference(one, other) is not None


SAVE = """
import json, pickle, sys
stored = {"seen": {tuple(one) for one in json.loads(sys.argv[2])}, "names": set("abcdefgh")}
pickle.dump(stored, open(sys.argv[1], "wb"))
"""


def test_the_order_of_a_set_is_that_of_no_process(tmp_path):
    """Texts hash differently in every process, so that a set is stored in another order by each."""
    members = [[name, at] for name in "abcd" for at in range(3)]
    for side, seed in (("a", 1), ("b", 2), ("c", 2)):
        random.Random(seed).shuffle(members)
        kept = members if side != "c" else [*members[1:], ["e", 9]]
        words = [sys.executable, "-c", SAVE, str(tmp_path / f"{side}.pkl"), json.dumps(kept)]
        subprocess.run(words, check=True, env=os.environ | {"PYTHONHASHSEED": str(seed)})
    assert (tmp_path / "a.pkl").read_bytes() != (tmp_path / "b.pkl").read_bytes()
    comparison = compare(tmp_path / "a.pkl", tmp_path / "b.pkl")
    assert comparison.differences == comparison.not_compared == ()
    assert {key.partition(".")[0] for _, key in aspects(compare(tmp_path / "a.pkl", tmp_path / "c.pkl"))} == {"seen"}
