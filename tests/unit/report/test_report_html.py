"""The page as text: complete, escaped, the same bytes every time. What a browser makes of it is tested in tests/e2e."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from parity.compare.following import PhaseVerdict
from parity.compare.measurement import NotCompared
from parity.diagnose.outcome import Outcome
from parity.errors import ReferenceFailedError
from parity.findings.following import Followed
from parity.report.discrepancy import discrepancy_report
from parity.report.document import Bullets, Code, Document, Evidence, Excerpt, Paragraph, Section, Side, Strong, Table
from parity.report.html.numbers import embedded, number
from parity.report.html.page import render_html
from parity.report.html.prose import environment
from parity.report.html.settings import settings
from parity.report.html.tensors import tensors
from parity.report.html.timeline import timeline
from parity.report.tracks import Standing, tracks
from tests.payloads import HOSTILE, LONG, RIGHT_TO_LEFT
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import judged, outcome, process, series, setup, trace
from tests.unit.report.test_report_discrepancy import EVERY

VOID = {"meta", "input", "br"}


class Reader(HTMLParser):
    """Collects elements, attributes and text; a closing tag that closes nothing, or the wrong element, is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.data, self.parts = [], [], "", {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not self.open:
            return
        tag, identity = self.open[-1]
        self.parts[tag, identity] = self.parts.get((tag, identity), "") + data
        if tag not in ("script", "style"):
            self.data += data

    @property
    def scenarios(self):
        return json.loads(self.parts["script", "data"])


def page(*outcomes):
    return Reader(render_html(list(outcomes)))


def run(*recorded, **manifest):
    return trace("python train.py", process(*recorded), **manifest)


@pytest.mark.parametrize("outcomes", EVERY.values(), ids=EVERY)
def test_well_formed_and_the_same_every_time(outcomes):
    text = render_html(outcomes)
    assert text == render_html(outcomes)
    read = Reader(text)
    identities = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    targets = {a["href"][1:] for tag, a in read.elements if tag == "a" and a["href"].startswith("#finding")}
    assert targets <= set(identities)


@pytest.mark.parametrize("outcomes", EVERY.values(), ids=EVERY)
def test_the_whole_report_is_in_the_page(outcomes):
    text = " ".join(Reader(render_html(outcomes)).data.split())
    for section in discrepancy_report(outcomes).sections:
        heading = "".join(part if isinstance(part, str) else part.content for part in section.heading)
        assert heading in text


def test_nothing_is_fetched_and_only_what_belongs_to_it_runs():
    text = render_html([examples.lagging()])
    read = Reader(text)
    policy = next(a["content"] for tag, a in read.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for tag, attributes in read.elements:
        assert tag not in ("link", "img", "iframe", "object", "base", "form")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset")]
        assert not attributes.get("href", "#").strip().lower().startswith(("http", "//", "javascript", "data"))
    assert not re.search(r"@import|url\((?!#)|\beval\(|innerHTML|insertAdjacentHTML|document\.write|new Function", text)


def hostile(payload):
    """An outcome in which ``payload`` stands wherever a program can put it."""
    named = f"{payload}#0"
    sides = [
        trace(
            f"python train.py {payload}",
            process(
                series("loss", "", [1.0, value]),
                series("log_value", named, [1.0, value]),
                series("gradient", payload, [1, int(value)]),
                *setup("parameter_kind", {payload: f"float32[4] {payload}"}),
                *setup("config", {payload: f"{payload}{value}", "plain": payload}),
                *setup("environment", {payload: payload}),
            ),
            interventions=[payload],
        )
        for value in (2.0, 3.0)
    ]
    made = judged(*sides, scenario=payload, pair=payload)
    left = NotCompared(channel="loss", name=payload, reason=payload)
    return replace(made, judgement=replace(made.judgement, not_compared=(left,)))


@pytest.mark.parametrize("payload", [*HOSTILE, LONG])
def test_hostile_text_stays_text(payload):
    harmless = page(hostile("harmless"), Outcome(pair="p", scenario="s", error=ReferenceFailedError("it ended")))
    read = page(hostile(payload), Outcome(pair="p", scenario=payload, error=ReferenceFailedError(payload)))
    tags, expected = ({tag for tag, _ in one.elements} for one in (read, harmless))
    assert tags <= expected | {"pre"}
    attributes, known = ({name for _, a in one.elements for name in a} for one in (read, harmless))
    assert attributes <= known | {"tabindex", "aria-label"}
    assert len(read.scenarios) == 2
    assert sum(tag == "script" for tag, _ in read.elements) == 2


@pytest.mark.parametrize("payload", [*HOSTILE, LONG])
def test_embedded_data_is_what_it_was(payload):
    text = embedded({payload: [payload, 1.5, None]})
    assert json.loads(text) == {payload: [payload, 1.5, None]}
    assert text.isascii()
    assert not set("<>&") & set(text)


def test_invisible_characters_are_written_out():
    shown = page(hostile(RIGHT_TO_LEFT)).data
    assert "\u202e" not in shown
    assert "\\u202e" in shown


def test_verdict_and_first_divergence_come_first():
    text = page(examples.lagging()).data
    begin = text.index("Different")
    order = [text.index(words, begin) for words in ("First divergence", "at update 0, phase lr", "Probable cause")]
    assert order == sorted(order)
    assert order[-1] < text.index("Timeline", text.index("Probable cause"))
    assert "lags by one update" in text[order[-1] : order[-1] + 400]


def test_the_gravest_scenario_is_shown_first():
    read = page(examples.identical("w1"), examples.failed(), examples.lagging(), examples.crashed())
    hidden = ["hidden" in a for tag, a in read.elements if tag == "div" and a.get("class") == "scenario"]
    assert hidden == [True, True, False, True]


def test_an_outcome_without_comparison_says_why():
    read = page(examples.failed())
    assert "Not compared" in read.data
    assert "reference-failed" in read.data
    assert read.scenarios == [{}]


def sides(reference, candidate, **settings_):
    return judged(run(*reference), run(*candidate), **settings_)


def test_the_timeline_has_every_phase_and_where_it_differs():
    made = sides(
        [series("loss", "", [1.0, 2.0, 3.0]), series("lr", "0", [0.1] * 3), series("zero_grad", "", [1] * 3)],
        [series("loss", "", [1.0, 2.5, 3.5]), series("lr", "0", [0.1] * 3), series("zero_grad", "", [2] * 3)],
    )
    found = page(made).scenarios[0]["timeline"]
    assert [column[2] for column in found["columns"]] == [
        "before the first update", "update 0", "update 1", "update 2", "end of the run",
    ]  # fmt: skip
    rows = {row["phase"]: row["cells"] for row in found["rows"]}
    assert rows == {"loss": " =xx ", "backward": " iii ", "lr": " === "}
    loss = next(row for row in found["rows"] if row["phase"] == "loss")
    finding = next(at for at, one in enumerate(made.judgement.findings) if one.channel.name == "loss")
    assert loss["notes"]["2"] == [1, finding, 1, 1, ["loss"]]


def test_what_was_not_compared_never_looks_identical():
    clock, number_of_step = "time {}s#0", "step {}#0"
    made = sides(
        [series("log_value", clock, [1.0, 2.0]), series("log_value", number_of_step, [0.0, 1.0])],
        [series("log_value", clock, [3.0, 4.0]), series("log_value", number_of_step, [0.0, 1.0])],
    )
    assert page(made).scenarios[0]["timeline"]["rows"][0]["cells"] == " pp "
    alone = sides([series("log_value", clock, [1.0])], [series("log_value", clock, [2.0])])
    assert page(alone).scenarios[0]["timeline"]["rows"][0]["cells"] == " ? "


def test_what_follow_mode_left_out_never_looks_identical():
    """Its traces hold no more of it, while other channels of the phase are equal."""
    both = [series("loss", "", [1.0, 2.0]), series("zero_grad", "", [1, 1])]
    made = sides(both, both)
    phases = (
        PhaseVerdict(name="backward", judged=0, different=(), not_compared=2, reasons=("the forward differs",)),
        PhaseVerdict(name="loss", judged=2, different=(), not_compared=0),
    )
    made = replace(made, followed=Followed(plain=made.judgement, phases=phases))
    rows = {row["phase"]: row["cells"] for row in page(made).scenarios[0]["timeline"]["rows"]}
    assert rows == {"loss": " == ", "backward": " pp "}


@pytest.mark.parametrize(("updates", "columns"), [(1, 1), (48, 48), (49, 25), (10_000, 48)])
def test_a_long_run_has_few_columns_and_an_exact_first_update(updates, columns):
    values = np.linspace(1.0, 2.0, updates)
    changed = values.copy()
    changed[updates * 2 // 3 :] += 1.0
    found = timeline(tracks(sides([series("loss", "", values)], [series("loss", "", changed)]).judgement))
    assert len(found.columns) == columns + 2
    (cells,) = found.rows.values()
    first = next(cell for cell in cells if cell.gravest is Standing.DIFFERENT)
    assert first.first == updates * 2 // 3
    assert sum(sum(cell.seen.values()) for cell in cells) == updates


def test_tensors_that_differ_come_first():
    def side(second):
        kinds = setup("parameter_kind", {"a": "float32[2]", "b": "float32[3]"})
        return [*kinds, series("parameter", "a", [1, 2]), series("parameter", "b", [1, second])]

    judgement = sides(side(2), side(3)).judgement
    found, left = tensors(judgement, tracks(judgement))
    assert [(one.track.name, one.kind, one.differing, one.compared, one.since) for one in found] == [
        ("b", "float32[3]", 1, 2, 1),
        ("a", "float32[2]", 0, 2, None),
    ]
    assert left == 0


def test_settings_of_both_sides():
    made = sides(
        [series("lr", "0", [1.0]), *setup("config", {"lr": "1", "gone": "x", "kept": "y"})],
        [series("lr", "0", [1.0]), *setup("config", {"lr": "2", "new": "x", "kept": "y"})],
    )
    found = {one.name: one.change for one in settings(made.judgement.comparison) if one.group == "Configuration"}
    assert found == {"gone": "removed", "kept": "same", "lr": "changed", "new": "added"}


def large(updates=10_000, number=20):
    """A run of ``number`` series that begin to differ one after the other."""
    steps = np.arange(updates)
    recorded = [[], []]
    for at in range(number):
        values = np.exp(-steps / 3000) * (1 + 0.1 * np.sin(steps / (7.0 + at))) + np.sin(steps * 12.9898 + at) / 50
        changed = np.where(steps > 4321 + at, values * (1 + 1e-7 * (steps - 4321)), values)
        for side, content in zip(recorded, (values, changed), strict=True):
            side.append(series("log_value", f"metric {at}: {{}}#0", content))
    return sides(*recorded)


def test_a_page_of_ten_thousand_updates_and_twenty_series_is_small():
    read = page(large())
    assert len(render_html([large()]).encode()) < 1_000_000
    curves = read.scenarios[0]["curves"]
    assert len(curves) == 20
    for at, one in enumerate(curves):
        assert one["updates"][one["first"]] == 4322 + at
        assert one["difference"][one["first"]] != 0
        assert set(one["difference"][: one["first"]]) <= {None}


def test_many_scenarios_share_the_room():
    outcomes = [replace(large(2000), scenario=f"s{at}") for at in range(25)]
    assert len(render_html(outcomes).encode()) < 2_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0, 1), (0.1, 0.1), (float("nan"), "nan"), (float("-inf"), "-inf"), (1e300, 1e300), (-0.0, 0)],
)
def test_numbers_for_scripts(value, expected):
    assert number(value) == expected


def test_every_kind_of_block_is_written():
    excerpt = Excerpt("a = 1\n\tb = 2  # <b>", file="x.py", line=11, first=10, function="f")
    side = Side((Code("train.py"),), ("saw ", Code("1")), (excerpt,))
    blocks = (
        Paragraph(("plain & ", Strong(("strong ", Code("<x>"))))),
        Bullets((("one",), ("two",)), numbered=True),
        Table((("head",),), ((("cell",),),)),
        excerpt,
        Evidence(side, side),
    )
    document = Document(("t",), (Section(("Heading",), blocks, (Section(("Inner",)),)),))
    template = '{% from "document.html.j2" import write %}{{ write(document.sections[0], "1.", 2) }}'
    text = environment().from_string(template).render(document=document)
    assert "plain &amp; <strong>strong <code>&lt;x&gt;</code></strong>" in text
    assert "<ol>" in text
    assert '<th scope="col">head</th>' in text
    assert '<span class="line matters"><span class="number">→11</span>    b = 2  # &lt;b&gt;\n</span>' in text
    assert "<h3>1.1. Inner</h3>" in text
    Reader(text)


def test_nothing_to_report():
    read = page(outcome(covered={}))
    assert "Not compared" in read.data
