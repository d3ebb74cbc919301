"""Imported numbers: equality that proves no identity, and differences that precision cannot explain away."""

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.findings.judge import judge
from parity.findings.model import Verdict
from parity.report.facts import verdict
from parity.trace.precision import Precision, printed_precision
from tests.unit.compare.trace_builder import parameters, run, series, shown


def metrics(values, precision=None, **manifest):
    """An imported run with one metric."""
    known = {"precision": {"loss": precision}} if precision else {}
    return run(series("metric", values, "loss"), exit_status=None, imported_from={}, **known, **manifest)


def result(ours, theirs):
    comparison = compare(ours, theirs)
    reasons = {one.reason for one in comparison.not_compared if one.channel == "metric"}
    outcome = Outcome(pair="p", scenario="s", judgement=judge(comparison), diagnosis=None)
    return [one[3:] for one in shown(comparison.measurements)], reasons, verdict(outcome)


def test_equal_prints_are_not_identical():
    found, reasons, said = result(metrics([4.1699], {"decimals": 4}), metrics([4.1699], {"decimals": 4}))
    assert found == []
    assert reasons == {"equal as far as it is known (4 decimals), which proves no identity"}
    assert said is Verdict.NOT_COMPARED


def test_exact_metrics_are_identical():
    assert result(metrics([4.1699]), metrics([4.1699])) == ([], set(), Verdict.IDENTICAL)


@pytest.mark.parametrize(
    ("ours", "theirs", "first"),
    [
        (([4.1699, 4.1700], {"decimals": 4}), ([4.1699, 4.1701], {"decimals": 4}), 1),
        (([4.1699, 0.5], {"decimals": 4}), ([4.16994, 0.50006], None), 1),
        (([4.16994, 4.16996], None), ([4.1699, 4.1699], {"decimals": 4}), 1),
        (([4.1699, 4.1699], {"decimals": 4}), ([4.17, 4.18], {"decimals": 2}), 1),
        (([1234.0, 0.001234], {"digits": 4}), ([1234.4, 0.0012346], None), 1),
        (([0.1, 0.1], {"bits": 24}), ([float(np.float32(0.1)), 0.10000001], None), 1),
        (([np.nan, np.nan], {"decimals": 4}), ([np.nan, 1.0], None), 1),
        (([np.inf, np.inf], {"decimals": 4}), ([np.inf, -np.inf], None), 1),
    ],
)
def test_a_difference_beyond_the_precision_is_one(ours, theirs, first):
    """The value before it lies within the precision and is none."""
    found, reasons, said = result(metrics(*ours), metrics(*theirs))
    assert found == [(first, 0)]
    assert reasons == set()
    assert said is Verdict.DIFFERENT


def test_a_metric_that_one_side_does_not_have_is_a_difference():
    found = compare(metrics([1.0, 2.0]), metrics([1.0])).measurements
    assert [(one.difference.value, one.update) for one in found] == [("missing", 1)]


@pytest.mark.parametrize("imported_first", [True, False])
def test_what_an_import_cannot_know_is_not_compared(imported_first):
    recorded = run(series("loss", [1.0]), series("metric", [1.0], "loss"), *parameters({"w": 1}), exit_status=1)
    sides = [metrics([1.0]), recorded] if imported_first else [recorded, metrics([1.0])]
    comparison = compare(*sides)
    assert comparison.measurements == ()
    assert {"loss", "parameter_initial"} <= {one.channel for one in comparison.not_compared}


def test_what_could_not_be_imported_is_said():
    comparison = compare(metrics([1.0], remarks=["7 bytes are no record"]), metrics([1.0]))
    assert "7 bytes are no record" in {one.reason for one in comparison.not_compared}


@pytest.mark.parametrize(
    ("texts", "always", "precision"),
    [
        (["4.1699", "4.1000"], False, Precision("decimals", 4)),
        (["4.17", "0.1234"], False, Precision("digits", 4)),
        (["1e-05", "2.5e-05"], False, Precision("digits", 2)),
        (["1", "2"], False, None),
        (["1", "2"], True, Precision("decimals", 0)),
        (["0.1", "0.30000000000000004"], False, None),
        (["0.1", "0.30000000000000004"], True, Precision("digits", 17)),
        (["-0.50", "+0.25", "nan"], False, Precision("decimals", 2)),
        (["nan", "inf"], False, None),
        ([], True, None),
    ],
)
def test_the_precision_of_printed_numbers(texts, always, precision):
    assert printed_precision(texts, always=always) == precision


@pytest.mark.parametrize(
    ("precision", "value", "half"),
    [
        (Precision("decimals", 4), 123.0, 5e-5),
        (Precision("digits", 3), 123.0, 0.5),
        (Precision("digits", 3), -0.00123, 5e-6),
        (Precision("bits", 24), 1.0, 2.0**-24),
        (Precision("bits", 24), 3.0, 2.0**-23),
        (Precision("digits", 3), 0.0, 0.0),
        (Precision("digits", 3), float("nan"), 0.0),
    ],
)
def test_half_units(precision, value, half):
    assert precision.half_units(np.array([value]))[0] == pytest.approx(half, rel=1e-12)
