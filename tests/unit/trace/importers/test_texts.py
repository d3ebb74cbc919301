"""Tables, lines of JSON and logs, and how exactly their numbers are known."""

import math

import pytest

from parity.errors import UsageError
from parity.trace.precision import Precision
from tests.unit.trace.importers.reading import imported


@pytest.mark.parametrize(
    ("text", "series", "precision"),
    [
        ("step,loss\n3,0.5000\n4,0.25\n", {"loss": ([3, 4], [0.5, 0.25])}, Precision("digits", 4)),
        ("loss\n4.1699\n4.1000\n", {"loss": ([0, 1], [4.1699, 4.1])}, Precision("decimals", 4)),
        ("loss;step\n1.5e-05;0\n", {"loss": ([0], [1.5e-05])}, Precision("digits", 2)),
        ("\ufeffloss\tstep\n0.30000000000000004\t0\n", {"loss": ([0], [0.30000000000000004])}, None),
        ("step,epoch,loss\n0,7,\n1,7,nan\n", {"epoch": ([0, 1], [7.0, 7.0])}, None),
    ],
    ids=["stripped zeros", "fixed decimals", "semicolons and exponents", "tabs and all digits", "whole numbers"],
)
def test_a_table(text, series, precision, tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(text, encoding="utf-8")
    read, found = imported(path, tmp_path)
    assert {tag: one for tag, one in read.items() if not any(map(math.isnan, one[1]))} == series
    assert found.precision.get("loss") == precision


def test_lines_of_json(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 2, "loss": 0.1, "g": {"n": 3}, "nan": NaN, "ok": true}',
        "",
        '{"step": 4, "loss": "inf"}',
        '{"st',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    series, found = imported(path, tmp_path)
    assert series["loss"] == ([2, 4], [0.1, math.inf])
    assert series["g/n"] == ([2], [3.0])
    assert series.keys() == {"loss", "g/n", "nan"}
    assert found.precision == {"loss": Precision("decimals", 1)}
    assert found.remarks == ["line 4 of metrics.jsonl is no JSON"]


LOG = """\
number of parameters: 0.83M
step 0: train loss 4.2821, val loss 4.2791
iter 0: loss 4.2688, time 1203.55ms, mfu -100.00%
iter 10: loss 3.1e-01, lr 1e-3
"""


def test_a_log_by_its_words(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text(LOG, encoding="utf-8")
    series, found = imported(path, tmp_path)
    assert series == {
        "train loss": ([0], [4.2821]),
        "val loss": ([0], [4.2791]),
        "loss": ([0, 10], [4.2688, 0.31]),
        "lr": ([10], [0.001]),
    }
    assert found.precision["train loss"] == Precision("decimals", 4)
    assert found.precision["loss"] == Precision("digits", 5)
    assert found.precision.keys() == series.keys()


def test_a_log_by_a_pattern(tmp_path):
    path = tmp_path / "out.log"
    path.write_text("[1,024] L=0.5 n=3\nnothing\n[2] L=nan n=4\n", encoding="utf-8")
    series, found = imported(path, tmp_path, pattern=r"L=(?P<loss>\S+) n=(?P<n>\d+)")
    assert series["n"] == ([0, 1], [3.0, 4.0])
    assert series["loss"][1][0] == 0.5
    assert found.precision["n"] == Precision("decimals", 0)


@pytest.mark.parametrize(("pattern", "says"), [("(", "no regular expression"), (r"(?P<step>\d+)", "names no metric")])
def test_a_pattern_that_cannot_be_used_is_refused(pattern, says, tmp_path):
    path = tmp_path / "out.log"
    path.write_text(LOG, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        imported(path, tmp_path, pattern=pattern)
