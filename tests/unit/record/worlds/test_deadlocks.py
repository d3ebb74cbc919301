import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.record.worlds.deadlocks import find_breach, find_deadlock, name_ranks, position


def state(*issued, waits=None, any_source=False):
    """A rank that has issued ``(group, label, ranks)`` in this order, and waits for the occasion at index ``waits``."""
    counts, occasions = {}, []
    for key, label, ranks in issued:
        number, recent = counts.get(key, [0, []])
        occasions.append({"key": key, "number": number, "ranks": ranks, "label": label, "site": f"{label}.py:1"})
        history = [] if label in ("send", "recv") else [[number, label, f"{label}.py:1"]]
        counts[key] = [number + 1, [*recent, *history]]
    wait = None if waits is None else {**occasions[waits], "any": any_source}
    return {"update": 3, "phase": "forward", "issued": counts, "waits": wait}


ALL = [0, 1, 2]
SUM = ("world", "sum", ALL)
COPY = ("world", "copy", ALL)
IDLE = state()
NOBODY = [False] * 3


def pair(label, first, second):
    return (f"{first}>{second}", label, sorted((first, second)))


@pytest.mark.parametrize(
    ("states", "ended", "ranks"),
    [
        ([IDLE, IDLE, IDLE], NOBODY, None),
        ([{}, {}, {}], NOBODY, None),
        ([state(SUM, waits=0), state(SUM, waits=0), IDLE], NOBODY, None),
        ([state(SUM, waits=0), state(SUM, waits=0), state(SUM, waits=0)], NOBODY, None),
        ([state(SUM, waits=0), state(SUM, waits=0), IDLE], [False, False, True], (0, 1)),
        ([state(SUM, waits=0), state(COPY, waits=0), IDLE], NOBODY, (0, 1)),
        ([state(SUM, waits=0), state(COPY), IDLE], NOBODY, (0, 1)),
        ([state(SUM), state(COPY), IDLE], NOBODY, None),
        ([state(SUM, SUM, waits=1), state(SUM), state(SUM)], NOBODY, None),
        ([state(SUM, SUM, waits=1), state(SUM, waits=0), state(SUM)], NOBODY, None),
        (
            [
                state(("a", "sum", [0, 1]), waits=0),
                state(("b", "sum", [1, 2]), waits=0),
                state(("c", "x", [0, 2]), waits=0),
            ],
            NOBODY,
            (0, 1, 2),
        ),
        ([state(("a", "sum", [0, 1]), waits=0), state(("b", "sum", [1, 2]), waits=0), IDLE], NOBODY, None),
        (
            [state(("a", "sum", [0, 1]), waits=0), state(("b", "sum", [1, 2]), waits=0), IDLE],
            [False, False, True],
            (0, 1),
        ),
        ([state(pair("send", 0, 1), waits=0), state(pair("recv", 0, 1), waits=0), IDLE], NOBODY, None),
        ([state(pair("recv", 1, 0), waits=0), state(pair("recv", 0, 1), waits=0), IDLE], NOBODY, (0, 1)),
        ([state(pair("send", 0, 1)), state(SUM, waits=0), IDLE], [True, False, False], (1,)),
        ([state(("", "recv", [1, 2]), waits=0, any_source=True), state(SUM, waits=0), IDLE], NOBODY, None),
        ([state(("", "recv", [1, 2]), waits=0, any_source=True), IDLE, IDLE], [False, True, True], (0,)),
    ],
)
def test_deadlocks(states, ended, ranks):
    found = find_deadlock(states, ended)
    assert (found and found.ranks) == ranks


def test_it_is_told_in_words():
    found = find_deadlock([state(SUM, waits=0), state(SUM, waits=0), IDLE], [False, False, True])
    assert found.title == "ranks wait for rank 2, already ended"
    assert found.lines == ("ranks 0-1: waits in sum at sum.py:1 for rank 2 (rank 2 ended)",)
    found = find_deadlock([state(SUM, waits=0), state(COPY, waits=0), state(SUM, waits=0)], NOBODY)
    assert found.title == "ranks have issued different collectives as number 0 of the same group"
    assert found.lines == ("ranks 0, 2: sum at sum.py:1", "rank 1: copy at copy.py:1")


def test_what_broke_a_wait_is_found_after_the_end():
    told_apart = [state(SUM), state(COPY), IDLE]
    assert find_breach(told_apart, 1).ranks == (0, 1)
    assert find_breach(told_apart, 2) is None
    assert find_breach([state(SUM), state(SUM), IDLE], 0) is None
    left = [state(SUM), state(SUM), IDLE]
    left[0]["broken"] = {"key": "world", "number": 0, "ranks": ALL, "label": "sum", "site": ""}
    assert find_breach(left, 0).title == "ranks wait for rank 2, already ended"
    assert find_breach(left, 1) is None


OPERATIONS = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([[0, 1], [1, 2], ALL])), max_size=6)


@given(program=OPERATIONS, at=st.lists(st.integers(0, 6), min_size=3, max_size=3))
def test_ranks_of_one_program_never_deadlock_wherever_they_are(program, at):
    """Every rank runs the same sequence of operations that it is a member of, waits in the last, or is on its way."""
    issued = [(f"{key}{ranks}", key, ranks) for key, ranks in program]
    states = []
    for rank, reached in enumerate(at):
        own = [one for one in issued[:reached] if rank in one[2]]
        states.append(state(*own, waits=len(own) - 1 if own else None))
    assert find_deadlock(states, NOBODY) is None


@pytest.mark.parametrize(
    ("ranks", "words"), [([3], "rank 3"), ([2, 0, 1], "ranks 0-2"), ([0, 1, 4, 6, 7], "ranks 0-1, 4, 6-7")]
)
def test_ranks_are_named_in_spans(ranks, words):
    assert name_ranks(ranks) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "before torch was imported"),
        ({"update": -1, "phase": "setup"}, "before the first update"),
        ({"update": 2, "phase": "backward"}, "in update 2, phase backward"),
        (state(SUM, waits=0), "in update 3, phase forward, waiting in sum at sum.py:1"),
    ],
)
def test_positions(said, words):
    assert position(said) == words
