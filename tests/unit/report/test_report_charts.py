"""Pictures beside the Markdown report: the same bytes every time, well-formed whatever the names are."""

import re
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from parity.compare.noise import NoisePass
from parity.errors import MissingExtraError
from parity.report.charts.axes import decades, extent, short, ticks
from parity.report.charts.figures import charts, png_files, svg_files
from parity.report.charts.svg import draw
from parity.report.discrepancy import discrepancy_report
from parity.report.markdown import render_markdown
from parity.run.results import write_results
from tests.payloads import HOSTILE, LONG
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import judged, process, series, trace

SVG = "{http://www.w3.org/2000/svg}"


def run(values, name="", channel="loss", updates=None):
    return trace("python train.py", process(series(channel, name, values, updates)))


def differing(name="", channel="log_value"):
    return judged(run([1.0, 2.0, 3.0], name, channel), run([1.0, 2.5, 3.0], name, channel))


def only(outcome):
    (text,) = svg_files(charts([outcome])).values()
    return text


def texts(svg):
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_both_sides_their_difference_and_its_place():
    svg = only(differing("line {}#0"))
    assert {"reference", "candidate", "first difference: update 1"} <= set(texts(svg))
    kinds = re.findall(r'<path class="(\w+)"', svg)
    assert {kind: kinds.count(kind) for kind in ("difference", "first")} == {"difference": 1, "first": 1}
    assert svg.count('class="dot reference"') == svg.count('class="dot candidate"') == 3
    bars = re.search(r'class="difference" d="([^"]*)"', svg)
    assert bars[1].count("M") == 1


def test_the_same_bytes_every_time_and_attributes_in_order():
    one, other = only(differing("line {}#0")), only(differing("line {}#0"))
    assert one == other
    for tag in re.findall(r"<\w+ ([^>]*)>", one):
        names = re.findall(r'([\w-]+)="', tag)
        assert names == sorted(names)
    for numbers in re.findall(r' d="([^"]*)"', one):
        assert not re.search(r"\d\.\d{2}|e[-+]?\d", numbers)


@pytest.mark.parametrize("name", [*HOSTILE, LONG])
def test_hostile_names_stay_text(name):
    outcome = differing(f"{name}#0")
    (stem,) = svg_files(charts([outcome]))
    assert re.fullmatch(r"[a-z0-9-]{1,80}\.svg", stem)
    root = ET.fromstring(only(outcome).encode("utf-8"))
    allowed = {"svg", "style", "text", "path", "circle"}
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= allowed
    assert not [key for node in root.iter() for key in node.attrib if key.startswith("on") or "href" in key]


@pytest.mark.parametrize(
    ("reference", "candidate", "says"),
    [
        ([1.0, 2.0], [1.0, float("nan")], "candidate is nan from update 1"),
        ([1.0, float("-inf")], [1.0, 3.0], "reference is -inf from update 1"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "differences without a size: a value is absent or no number"),
        ([5.0, 5.0], [5.0, 6.0], "first difference: update 1"),
        ([1e308, -1e308], [-1e308, 1e308], "first difference: update 0"),
        ([float("nan")] * 2, [float("inf")] * 2, "first difference: update 0"),
    ],
    ids=["nan", "infinity", "missing", "constant", "huge", "no number at all"],
)
def test_what_has_no_height_is_said(reference, candidate, says):
    svg = only(judged(run(reference), run(candidate)))
    assert says in texts(svg)
    assert not re.search(r'="[^"]*(?:nan|inf)', svg)


def test_the_noise_floor_is_drawn_where_it_was_measured():
    ours, theirs, moved = run([2.0, 4.0]), run([2.0, 4.1]), run([2.0, 4.04])
    noisy = judged(ours, theirs, noise=NoisePass(reference=ours, candidate=theirs, perturbed=(moved,)))
    assert [kind in only(noisy) for kind in ('<path class="band"', '<path class="floor"')] == [True, True]
    assert '<path class="band"' not in only(judged(ours, theirs))


def test_a_long_run_makes_a_small_picture():
    values = np.sin(np.arange(20_000) / 50.0)
    svg = only(judged(run(values), run(np.where(np.arange(20_000) > 9_999, values * 1.01, values))))
    assert len(svg) < 60_000
    assert "first difference: update 10000" in texts(svg)


def test_no_picture_where_nothing_differs():
    assert charts([judged(run([1.0, 2.0]), run([1.0, 2.0]))]) == []
    assert charts([examples.failed()]) == []


def test_no_two_curves_share_a_file():
    sides = [
        trace(
            "t",
            *(
                process(*(series("log_value", f"{name}#0", [1.0, end]) for name in ("a b", "a-b", "A b")), rank=rank)
                for rank in (0, 1)
            ),
        )
        for end in (2.0, 3.0)
    ]
    outcomes = [judged(*sides, scenario=name) for name in ("one", "two")]
    found = charts(outcomes)
    assert len(svg_files(found)) == len(found) == 12


def test_the_report_shows_them_only_where_they_are():
    found = charts([differing("loss {}#0")])
    text = render_markdown(discrepancy_report([differing("loss {}#0")], found))
    assert re.search(
        r"^!\[a number that is printed \(`log_value`\), `loss \{\}#0`\]\(report-charts/\S+\.svg\)$", text, re.MULTILINE
    )
    assert "![" not in render_markdown(discrepancy_report([differing("loss {}#0")]))


def test_written_beside_the_report_and_removed_with_their_reason(tmp_path):
    write_results([differing("loss {}#0")], tmp_path)
    assert len(list((tmp_path / "report-charts").glob("*.svg"))) == 1
    write_results([judged(run([1.0, 2.0]), run([1.0, 2.0]))], tmp_path)
    assert not (tmp_path / "report-charts").exists()


def test_png_of_the_same_curve_is_the_same():
    pytest.importorskip("matplotlib")
    found = charts([differing("$x^2$ {}#0")])
    (first,) = png_files(found).values()
    assert first.startswith(b"\x89PNG")
    assert [first] == list(png_files(found).values())
    assert b"Software" not in first


def test_png_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"training-parity\[plots\]"):
        png_files(charts([differing("loss {}#0")]))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, [0, 2, 4, 6, 8, 10]),
        (-1.0, 1.0, [-1, -0.5, 0, 0.5, 1]),
        (0.0, 0.0, []),
        (0.0, float("inf"), []),
        (3e-9, 5e-9, [3e-9, 3.5e-9, 4e-9, 4.5e-9, 5e-9]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high, 5) == pytest.approx(expected)


def test_ranges():
    assert extent(np.array([])) == (0.0, 1.0)
    assert extent(np.array([5.0, np.nan])) == (4.5, 5.5)
    assert decades(np.array([0.0, np.nan]), None) is None
    assert decades(np.array([3e-4]), np.array([2e-7])) == (-7, -3)
    assert decades(np.array([1e-2]), None) == (-3, -2)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, "0"), (0.25, "0.25"), (1e-5, "1e-5"), (-1.5e7, "-1.5e7"), (12345.0, "12345")]
)
def test_short_numbers(value, expected):
    assert short(value) == expected


def test_every_curve_can_be_drawn_alone():
    (one,) = charts([differing("loss {}#0")])
    assert draw(one.curve).startswith("<svg ")
