import math
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parity.findings.model import Verdict
from parity.report import wording
from parity.report.document import plain
from parity.trace.channels import CHANNELS, Phase
from tests.unit.report.report_builders import cause, finding, found, measurement, outcome


@pytest.mark.parametrize(
    ("update", "phase", "words"),
    [
        (-1, Phase.SETUP, "before the first update"),
        (-1, Phase.LOG, "before the first update"),
        (0, Phase.LR, "at update 0"),
        (7, Phase.EVAL, "after update 7"),
        (7, Phase.CHECKPOINT, "after update 7"),
        (7, Phase.LOG, "after update 7"),
        (7, Phase.EXIT, "at the end of the run"),
        (-1, Phase.EXIT, "at the end of the run"),
    ],
)
def test_moments_are_said_in_words(update, phase, words):
    assert wording.moment(update, phase) == words


@pytest.mark.parametrize(
    ("where", "around", "words"),
    [
        ({"update": 3}, {}, "at update 3"),
        ({"update": 3}, {"repeats": 4}, "at update 3, micro-step 0"),
        ({"update": 3, "ordinal": 2}, {}, "at update 3, micro-step 2"),
        ({"update": 3, "rank": 1}, {}, "at update 3, rank 1"),
        ({"update": 3}, {"world": 2, "repeats": 4}, "at update 3, micro-step 0, rank 0"),
    ],
)
def test_a_place_names_micro_step_and_rank_where_there_are_several(where, around, words):
    assert wording.place(measurement("loss", 1.0, 2.0, **where), **around) == words


def test_outside_the_micro_step_loop_a_repeated_value_has_an_occurrence():
    assert wording.place(measurement("eval_output", 1.0, 2.0, ordinal=1)) == "after update 0, occurrence 1"


@pytest.mark.parametrize(
    ("channel", "reference", "candidate", "words"),
    [
        ("loss", 0.1, 0.1 + 2**-56, ("0.1", "0.10000000000000002")),
        ("loss", math.nan, math.inf, ("nan", "inf")),
        ("loss", -0.0, 0.0, ("-0.0", "0.0")),
        ("micro_steps", 4, 2, ("4 backward passes", "2 backward passes")),
        ("parameter", "00ff", "11ff", ("digest 00ff", "digest 11ff")),
        ("exception", None, "ValueError: x", ("nothing observed", "ValueError: x")),
        ("config", "", "a", ("(empty)", "a")),
    ],
)
def test_values_are_written_with_what_tells_them_apart(channel, reference, candidate, words):
    sides = wording.values(measurement(channel, reference, candidate))
    assert tuple(plain(side) for side in sides) == words


def test_two_nans_of_other_bits_do_not_look_the_same():
    other = struct.unpack(">d", bytes.fromhex("7ff8000000000001"))[0]
    reference, candidate = wording.values(measurement("loss", math.nan, other))
    assert plain(reference) == "nan (bits 7ff8000000000000)"
    assert plain(candidate) == "nan (bits 7ff8000000000001)"


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
@example("same " * 100, "x", "y")
@example("same " * 100, "", "y" * 300)
def test_different_texts_never_look_the_same_however_long_they_are(before, reference, candidate):
    sides = wording.values(measurement("config", before + reference, before + candidate))
    assert (plain(sides[0]) == plain(sides[1])) == (reference == candidate)


@pytest.mark.parametrize(
    ("reference", "candidate", "words"),
    [
        (1.0, 1.0 + 2**-52, "absolute 2.220446049250313e-16, relative 2.220446049250313e-16, 1 ULP"),
        (0.0, 5e-324, "absolute 5e-324, 1 ULP"),
        (1.0, 0.0, "absolute 1.0, relative 1.0, 4.6e+18 ULP"),
        (math.nan, 1.0, ""),
    ],
)
def test_sizes_say_only_what_means_something(reference, candidate, words):
    assert wording.size(measurement("loss", reference, candidate)) == words


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (found("loss", 1.0, 2.0), "1 of 1 value differs"),
        (found("loss", 1.0, 2.0, differing=19, compared=20), "19 of 20 values differ"),
        (found("loss", 1.0, None, differing=2, compared=2), "2 of 2 values are missing in the candidate"),
        (found("loss", None, 1.0), "1 of 1 value is extra in the candidate"),
        (
            finding(*(measurement("gradient", "a", "b", name=name, differing=3, compared=5) for name in "xy")),
            "6 of 10 values in 2 series differ",
        ),
    ],
)
def test_the_extent_counts_values_and_series(one, words):
    assert wording.extent(one) == words


@pytest.mark.parametrize(
    ("explained", "total", "words"),
    [
        (1, 1, "1 of 1 finding (100 %)"),
        (2, 3, "2 of 3 findings (67 %)"),
        (299, 300, "299 of 300 findings (99 %)"),
        (1, 300, "1 of 300 findings (1 %)"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(explained, total, words):
    findings = [found("gradient", "a", "b", name=str(number)) for number in range(total)]
    one = cause("Cause", *findings[:explained])
    diagnosis = outcome(*findings, causes=[one]).diagnosis
    assert wording.share(one, diagnosis) == words


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a",), "a"),
        (("a", "b", "c"), "a, b, c"),
        (tuple("abcdefgh"), "a, b, c ... and 5 more"),
        (("", "b"), "(empty), b"),
    ],
)
def test_long_lists_of_names_are_cut(names, words):
    assert plain(wording.listed(names)) == words


@pytest.mark.parametrize(
    ("channel", "name", "words"),
    [
        ("gradient", "wte.weight", ", parameter wte.weight"),
        ("loss", "", ""),
        ("loss", "odd", ", odd"),
        ("log_line", "step {}", ", step {}"),
    ],
)
def test_a_series_is_introduced_by_what_its_name_means(channel, name, words):
    assert plain(wording.named(CHANNELS[channel], name)) == words


@given(st.text())
def test_visible_text_is_one_printable_line(text):
    shown = wording.visible(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_not_compared_is_two_words():
    assert [wording.word(verdict) for verdict in Verdict] == [
        "identical",
        "equivalent",
        "different",
        "missing",
        "extra",
        "not compared",
        "waived",
    ]
