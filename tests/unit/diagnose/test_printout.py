import pytest

from parity.trace.printed import decimals, number, rounds_to

STEP = "step {}: train loss {}, val loss {}, lr: {}"


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        (f"{STEP}#0", "step", ": train loss"),
        (f"{STEP}#1", "train loss", ""),
        (f"{STEP}#2", "val loss", ""),
        (f"{STEP}#3", "lr", ""),
        ("Tokens per update = {}#0", "tokens per update", ""),
        ("consumed {} tokens, then {}#0", "consumed", "tokens"),
        ("{}#0", "", ""),
        ("a # b {}#0", "a # b", ""),
    ],
)
def test_printed_number_is_called_what_stands_around_it(name, label, unit):
    found = number(name)
    assert found is not None
    assert (found.label, found.unit, found.name) == (label, unit, name)


@pytest.mark.parametrize("name", ["", "loss", "loss {}#", "loss {}#x"])
def test_other_names_are_no_printed_numbers(name):
    assert number(name) is None


@pytest.mark.parametrize(
    ("printed", "expected"), [((2.5,), 1), ((2.0, 0.0003), 4), ((1e-05,), 5), ((float("inf"), 1.25), 2), ((512.0,), 1)]
)
def test_decimals(printed, expected):
    assert decimals(*printed) == expected


@pytest.mark.parametrize(
    ("printed", "value", "expected"),
    [(0.0003, 0.00025, True), (0.0002, 0.00025, True), (0.0003, 0.00024, False), (float("nan"), 1.0, False)],
)
def test_rounds_to(printed, value, expected):
    assert rounds_to(printed, value, 4) is expected
