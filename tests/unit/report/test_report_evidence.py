import pytest

from parity.report.document import Evidence, plain
from parity.report.evidence import evidence, location, sites
from tests.unit.report.report_builders import found, measurement, outcome, process, series, setup, site, trace

LINE = "step {}: loss {}"
PLACES = {
    "backward": site("train.py", 3, "main", "    for x in data:\n        loss.backward()", first_line=2),
    f"log:{LINE}": site("train.py", 9, "main", "print(...)"),
    "log:step {}": site("other.py", 1, "", "print(1)"),
    "step": "not JSON",
    "clip": '{"line": 3}',
    "forward": '["a list"]',
}


def recorded(rank=0, **changed):
    return process(*setup("call_site", {**PLACES, **changed}), series("lr", "0", [0.1, 0.1]), rank=rank)


@pytest.mark.parametrize(
    ("channel", "name", "places"),
    [
        ("loss", "", ["train.py:3 in main"]),
        ("log_value", f"{LINE}#2", ["train.py:9 in main"]),
        ("log_line", LINE, ["train.py:9 in main"]),
        ("log_line", "step {}", ["other.py:1"]),
        ("log_line", "never seen", []),
        ("lr", "0", []),
        ("clip_norm", "", []),
        ("output", "0", []),
        ("buffer", "", []),
    ],
)
def test_the_place_in_the_program_is_found_by_the_channel(channel, name, places):
    found_ = sites(trace("python train.py", recorded()), measurement(channel, 1.0, 2.0, name=name), name)
    assert [plain(excerpt.place) for excerpt in found_] == places


def test_an_excerpt_is_moved_to_the_margin_and_knows_its_line():
    (excerpt,) = sites(trace("python train.py", recorded()), measurement("loss", 1.0, 2.0), "")
    assert excerpt.code == "for x in data:\n    loss.backward()"
    assert excerpt.marked == 1


def test_the_place_is_that_of_the_rank_and_else_of_the_lowest_one():
    ranks = trace("python train.py", recorded(), recorded(1, backward=site("other.py", 5, "", "x")))
    assert sites(ranks, measurement("loss", 1.0, 2.0, rank=1), "")[0].file == "other.py"
    assert sites(ranks, measurement("loss", 1.0, 2.0, rank=7), "")[0].file == "train.py"


def test_a_thing_done_in_many_places_shows_two_of_them():
    many = [site("train.py", line, "", "x") for line in (3, 3, 5, 7)]
    recorded_ = process(series("call_site", "backward", many, updates=[-1] * 4))
    found_ = sites(trace("python train.py", recorded_), measurement("loss", 1.0, 2.0), "")
    assert [excerpt.line for excerpt in found_] == [3, 5]


def test_a_long_excerpt_is_cut():
    long = site("train.py", 1, "", "\n".join(str(number) for number in range(50)))
    (excerpt,) = sites(trace("python train.py", recorded(backward=long)), measurement("loss", 1.0, 2.0), "")
    assert excerpt.code.splitlines() == [str(number) for number in range(15)]


def test_evidence_shows_both_sides_with_their_own_names():
    one = found("gradient", "00aa", "00bb", name="wte", candidate_name="embedding", update=2, differing=3, compared=4)
    known = outcome(one, reference=trace("python train.py", recorded()), candidate=trace("python new.py"))
    statement, both = evidence(one, known.judgement.comparison)
    assert isinstance(both, Evidence)
    assert plain(statement.text) == (
        "Different: the gradient of a parameter before clipping (gradient), parameter wte (candidate: embedding), "
        "first at update 2. Size there: not known, a digest only tells whether two contents are equal. "
        "3 of 4 values differ."
    )
    assert (plain(both.reference.program), plain(both.reference.observed)) == ("train.py", "digest 00aa")
    assert (plain(both.candidate.program), plain(both.candidate.observed)) == ("new.py", "digest 00bb")
    assert [excerpt.file for excerpt in both.reference.excerpts] == ["train.py"]
    assert both.candidate.excerpts == ()


def test_a_location_knows_how_often_either_side_observed_the_series():
    once = trace("python train.py", process(series("loss", "", [1.0], updates=[0])))
    twice = trace("python new.py", process(series("loss", "", [1.0, 2.0], updates=[0, 0])))
    first = measurement("loss", 1.0, 2.0)
    assert location(first, outcome(reference=once, candidate=once).judgement.comparison) == "at update 0"
    assert location(first, outcome(reference=once, candidate=twice).judgement.comparison) == "at update 0, micro-step 0"
