import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.diagnose.outcome import Outcome
from parity.report.machine import result_json, to_json
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import cause, found, outcome, skipped

KEYS = {
    "schema",
    "pair",
    "scenario",
    "verdict",
    "first_divergence",
    "causes",
    "findings",
    "invariants",
    "not_compared",
    "noise",
    "zoom",
    "gate",
    "environment",
    "error",
    "exit_code",
}
EVERY = {
    "identical": examples.identical,
    "lagging": examples.lagging,
    "crashed": examples.crashed,
    "failed": examples.failed,
    "nothing": lambda: Outcome(pair="p", scenario="s"),
}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_the_schema_is_frozen(make):
    result = json.loads(to_json(result_json(make())))
    assert set(result) == KEYS
    assert result["schema"] == 1
    assert result["noise"] is None
    assert set(result["environment"]) == {"reference", "candidate"}
    for one in result["causes"]:
        assert set(one) == {"id", "title", "explains", "evidence", "share", "consequence", "advice", "docs"}
    for one in result["not_compared"]:
        assert set(one) == {"channel", "name", "reason"}
    for one in result["findings"]:
        assert set(one) == {
            "id",
            "verdict",
            "gates",
            "channel",
            "phase",
            "update",
            "names",
            "noise",
            "tolerance",
            "waiver",
            "ranks",
            "differing",
            "compared",
            "first",
        }
        assert set(one["first"]) == {
            "name",
            "candidate_name",
            "rank",
            "update",
            "ordinal",
            "reference",
            "candidate",
            "absolute",
            "relative",
            "ulp",
        }


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("identical", "identical"),
        ("lagging", "different"),
        ("crashed", "different"),
        ("failed", "not-compared"),
        ("nothing", "not-compared"),
    ],
)
def test_the_verdict_is_a_word(name, verdict):
    assert result_json(EVERY[name]())["verdict"] == verdict


def test_a_comparison_of_nothing_is_not_parity():
    assert result_json(outcome(covered={}))["verdict"] == "not-compared"


def test_the_first_divergence_and_its_cause():
    result = result_json(examples.lagging())
    assert result["first_divergence"] == {
        "update": 0,
        "phase": "lr",
        "channel": "lr",
        "name": "0",
        "rank": 0,
        "reference": 6e-05,
        "candidate": 0.0,
    }
    assert [one["share"] for one in result["causes"]] == [4 / 6, 1 / 6]
    assert result["causes"][0]["explains"] == [one["id"] for one in result["findings"][:4]]
    assert result["environment"]["candidate"]["threads"] == "2"


def test_identical_runs_have_no_first_divergence():
    result = result_json(examples.identical())
    assert result["first_divergence"] is None
    assert result["causes"] == []
    assert {one["gates"] for one in result["findings"]} == {False}


def test_an_error_is_a_reason_for_not_comparing_anything():
    (left_out,) = result_json(examples.failed())["not_compared"]
    assert left_out["channel"] == left_out["name"] == ""
    assert left_out["reason"].startswith("reference-failed: python train.py ended with status 1")


def test_floats_without_a_json_number_are_texts():
    one = found("loss", math.nan, -math.inf)
    known = outcome(one, causes=[cause("C", one)], not_compared=[skipped("lr", "0", "r")])
    result = result_json(known)
    assert (result["first_divergence"]["reference"], result["first_divergence"]["candidate"]) == ("nan", "-inf")
    assert json.loads(to_json(result)) == result
    assert to_json({"x": math.inf}) == '{\n  "x": "inf"\n}\n'


def test_keys_are_sorted():
    assert to_json({"b": {"d": 1, "c": 2}, "a": 3}) == '{\n  "a": 3,\n  "b": {\n    "c": 2,\n    "d": 1\n  }\n}\n'


@given(st.text(), st.floats(), st.floats())
def test_any_text_and_any_float_survive_the_round_trip(text, reference, candidate):
    one = found("log_value", reference, candidate, name=text)
    result = result_json(outcome(one, causes=[cause(text, one)], scenario=text))
    written = to_json(result)
    assert written.isascii()
    assert written == to_json(result)
    assert json.loads(written) == result
    stored = json.loads(written)["findings"][0]["first"]
    assert float(stored["reference"]).hex() == reference.hex()
    assert stored["name"] == text
