"""The genres: every claim has evidence, what has none is not claimed, and nothing quoted breaks a page."""

import json
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from parity.diagnose.ruling import ruled
from parity.findings.model import Verdict
from parity.report.document import Bullets, plain
from parity.report.formats import FORMATS, Rendering
from parity.report.genres import GENRES
from parity.report.genres.arguments import given_apart, told_apart
from parity.report.genres.behaviours import Standing, behaviours
from parity.report.genres.checks import percent
from parity.report.genres.drawings import drawings
from parity.report.genres.offers import definitions, features, flags
from parity.report.genres.parameters import parameters
from parity.report.genres.traits import traits
from parity.report.markdown import render_markdown
from parity.report.wording import visible
from parity.surface.flags import plain_name
from parity.verbs import report as verb
from tests.payloads import HOSTILE
from tests.unit.diagnose.test_ruling import accepted as waivers_for
from tests.unit.diagnose.test_ruling import outcome as warmed_up
from tests.unit.findings.accepting import ledger
from tests.unit.report import report_examples as examples
from tests.unit.report.genre_subjects import REFERENCE, subject, unread
from tests.unit.report.report_builders import (
    coverage,
    finding,
    found,
    judged,
    measurement,
    outcome,
    process,
    series,
    setup,
    skipped,
    trace,
)

GOOD = ("Proved:", "Identical:", "Equivalent:")
OUTCOMES = {
    "different": examples.lagging(),
    "identical": examples.identical(),
    "crashed": examples.crashed(),
    "failed": examples.failed(),
    "irreproducible": outcome(irreproducible=[measurement("loss", 1.0, 2.0)]),
    "nothing": outcome(covered={}),
}
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def losing(*values, **arguments):
    """A scenario whose reference shows a loss."""
    shown = trace("python train.py", process(series("lr", "0", [0.1, 0.1]), series("loss", "", list(values))))
    return outcome(reference=shown, **arguments)


def standing(channel, *outcomes):
    (one,) = [one for one in behaviours(outcomes) if one.channel.name == channel]
    return one.standing


# -- behaviours ------------------------------------------------------------------------------------------------------

WORSE = found("loss", 1.0, 2.0)
GONE = found("loss", 1.0, None)
MORE = finding(measurement("loss", None, 1.0), gates=False)
ROUNDED = finding(measurement("loss", 1.0, 1.1), verdict=Verdict.EQUIVALENT, gates=False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, Standing.PROVED),
        ({"covered": coverage(loss={"series": 1, "values": 2, "equal": 1})}, Standing.PARTLY),
        ({"not_compared": [skipped("loss", "x", "a clock reading")]}, Standing.PARTLY),
        ({"covered": {}, "not_compared": [skipped("loss", "", "no counterpart")]}, Standing.UNKNOWN),
        ({"covered": {}}, Standing.UNKNOWN),
    ],
)
def test_a_behaviour_is_proved_only_where_all_of_it_was_compared_and_equal(arguments, expected):
    assert standing("loss", losing(1.0, 1.0, **arguments)) is expected


@pytest.mark.parametrize(
    ("finding_", "expected"),
    [(WORSE, Standing.DIFFERENT), (GONE, Standing.MISSING), (MORE, Standing.PROVED), (ROUNDED, Standing.PROVED)],
    ids=["different", "missing", "more", "within the noise"],
)
def test_findings_decide(finding_, expected):
    shown = trace("python train.py", process(series("loss", "", [1.0])))
    assert standing("loss", outcome(finding_, reference=shown)) is expected


def test_what_only_the_candidate_shows_is_no_behaviour_of_the_reference():
    assert standing("loss", outcome(MORE)) is Standing.UNSEEN
    assert standing("loss_scale", losing(1.0)) is Standing.UNSEEN


def test_a_behaviour_is_as_good_as_in_its_worst_scenario():
    proved, blind = losing(1.0), losing(1.0, covered={})
    worse = outcome(WORSE, reference=proved.judgement.comparison.reference)
    assert standing("loss", proved, blind) is Standing.PARTLY
    assert standing("loss", proved, blind, worse) is Standing.DIFFERENT
    assert standing("loss", proved, examples.failed()) is Standing.PROVED
    assert standing("loss", examples.failed()) is Standing.UNSEEN


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "nothing to count"), (0, 9, "0 %"), (1, 999, "1 %"), (998, 999, "99 %"), (9, 9, "100 %"), (1, 3, "33 %")],
)
def test_a_share_says_all_only_of_all(part, whole, text):
    assert percent(part, whole) == text


# -- what sources offer ----------------------------------------------------------------------------------------------


def test_flags_with_their_verdicts(tmp_path):
    found_ = {one.name: (one.word, one.reference, one.candidate) for one in flags(subject(tmp_path))}
    assert found_ == {
        "lr": ("identical", "0.1", "0.1"),
        "warmup_steps": ("renamed", "0", "warmup_pct = 0.05"),
        "epochs": ("default changed", "3", "4"),
        "resume": ("identical", "none", "None"),
    }


def test_a_feature_of_both_sources_is_identical_only_where_a_run_shows_it(tmp_path):
    clipped = trace("python train.py", process(series("clip_limit", "", [1.0])))
    unshown = subject(tmp_path, losing(1.0))
    shown = subject(tmp_path, outcome(reference=clipped, covered=coverage(clip_limit=1)))
    broken = subject(tmp_path, outcome(found("clip_limit", 1.0, 2.0), reference=clipped))
    for one, word in ((unshown, "in both, not confirmed by a run"), (shown, "identical"), (broken, "different")):
        words = {each.name: each.word for each in features(one, behaviours(one.outcomes))}
        assert words["gradient clipping"] == word
        assert words["signal handling"] == "missing"


def test_a_class_that_moved_with_its_names_changed_has_the_same_body(tmp_path):
    words = {one.name: one.word for one in definitions(subject(tmp_path))}
    assert words["TokenLoss"] == words["TokenLoss.forward"] == "moved, same body"
    assert words["train"] == "changed"


def test_without_sources_nothing_is_said_about_them(tmp_path):
    blind = unread(losing(1.0))
    assert flags(blind) == () == features(blind, ()) == tuple(definitions(blind))
    for name, genre in GENRES.items():
        text = render_markdown(genre([blind]))
        assert name == "discrepancy" or "Not compared:" in text
        assert name == "discrepancy" or "train.py is gone" in text


# -- what runs show --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ("python a.py --x=1", "python -m b --x 1", []),
        ("python a.py --x=1", "python -m b --x=2", [("reference", "--x=1"), ("candidate", "--x=2")]),
        (
            "python a.py",
            "python b.py --warmup-pct=0.0 --no-save",
            [("candidate", "--warmup-pct=0.0"), ("candidate", "--no-save")],
        ),
        (
            "python a.py --names a b",
            "python b.py --names a c",
            [("reference", "--names a b"), ("candidate", "--names a c")],
        ),
        ("python a.py --some-flag", "python b.py --some_flag", []),
        ("python 'a.py", "python a.py", []),
    ],
)
def test_what_one_side_alone_was_told(reference, candidate, expected):
    assert [(one.side, one.words) for one in given_apart(reference, candidate)] == expected


def told(place):
    commands = (trace("python train.py --lr=0.1"), trace("python -m trainer --lr=0.1 --warmup-pct=0.0"))
    return subject(place, outcome(reference=commands[0], candidate=commands[1]))


def test_an_option_of_the_candidate_alone_is_not_compared_with_its_default(tmp_path):
    one = told(tmp_path)
    assert [(each.name, each.words, each.default) for each in told_apart(one)] == [
        (plain_name("warmup-pct"), "--warmup-pct=0.0", "0.05")
    ]
    text = render_markdown(GENRES["comparison"]([one]))
    claim = "**Not compared:** the candidate with its default of `warmup_pct`, which is `0.05`; "
    claim += "it was given `--warmup-pct=0.0`"
    assert f"[ ] {claim}" in text
    assert text.count(claim) == 2
    assert "the training is the same with `--warmup-pct=0.0`" in text


def test_a_default_that_another_scenario_runs_with_is_compared(tmp_path):
    one = told(tmp_path)
    commands = (trace("python train.py --lr=0.1"), trace("python -m trainer --lr=0.1"))
    with_default = outcome(reference=commands[0], candidate=commands[1], scenario="default")
    both = replace(one, outcomes=(*one.outcomes, with_default))
    assert "the candidate with its default of" not in render_markdown(GENRES["comparison"]([both]))


def warmed(rates, **channels):
    made = [series(name, "", values) for name, values in channels.items()]
    return trace("python train.py", process(series("lr", "0", rates), *made))


def test_parameters_are_compared_in_full_and_shown_where_they_differ():
    long = "a" * 500
    one = outcome(
        reference=warmed([0.0, 0.1, 0.05], optimizer_type=[long + "x"]),
        candidate=warmed([0.1, 0.1, 0.05], optimizer_type=[long + "y"]),
    )
    rows = {row.title: row for row in parameters(one.judgement.comparison)}
    assert rows["Optimizer"].word == "different"
    reference, candidate = (plain(side) for side in rows["Optimizer"].sides)
    assert reference.endswith("x")
    assert candidate.endswith("y")
    assert (rows["Warm-up"].reference, rows["Warm-up"].candidate) == (
        "1 update up to the peak",
        "none, the first update has the highest rate",
    )
    assert rows["Learning rate of the first group, last"].word == "identical"
    assert "Loss scale" not in rows


def test_lines_and_files_are_counted_on_both_sides(tmp_path):
    sides = [
        trace("python a.py", process(series("log_line", "both", [1, 1]), series("log_line", name, [1])))
        for name in ("ours", "theirs")
    ]
    words = {
        one.name: one.word
        for one in traits(subject(tmp_path, outcome(reference=sides[0], candidate=sides[1])), "log_line")
    }
    assert words == {"both": "identical", "ours": "missing", "theirs": "added"}


# -- documents -------------------------------------------------------------------------------------------------------


def boxes(sections):
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Bullets) and block.ticked:
                yield from ((plain(text), ticked) for text, ticked in zip(block.items, block.ticked, strict=True))
        yield from boxes(section.sections)


@pytest.mark.parametrize("name", [name for name in GENRES if name != "discrepancy"])
@pytest.mark.parametrize("kind", OUTCOMES)
def test_a_box_is_ticked_where_its_word_says_so_and_nowhere_else(tmp_path, name, kind):
    document = GENRES[name]([subject(tmp_path, OUTCOMES[kind], planned=("later",))])
    checked = list(boxes(document.sections))
    assert checked
    for text, ticked in checked:
        assert ticked == text.startswith(GOOD), text
    if kind in ("failed", "irreproducible", "nothing"):
        scenario = [ticked for text, ticked in checked if " scenario " in text]
        assert scenario
        assert not any(scenario)


@pytest.mark.parametrize("name", ["status", "features", "integration", "comparison"])
def test_a_planned_scenario_that_did_not_run_is_said_to_be_so(tmp_path, name):
    text = render_markdown(GENRES[name]([subject(tmp_path, losing(1.0), planned=("quick", "later"))]))
    assert "[ ] **Not run:** scenario `later`, of tier full in the policy." in text
    assert "scenario `quick`, of tier" not in text


def test_the_status_of_a_phase_follows_from_its_behaviours(tmp_path):
    shown = trace("python train.py", process(series("loss", "", [1.0]), series("lr", "0", [0.1])))
    text = render_markdown(GENRES["status"]([subject(tmp_path, outcome(WORSE, reference=shown))]))
    assert "### 2.4. Loss (0 %, 0 of 1)" in text
    assert "### 2.7. Learning rate (100 %, 1 of 1)" in text
    assert "### 2.10. Evaluation (not exercised)" in text
    assert "1.  Different: the loss that is differentiated" in text


def test_the_comparison_names_the_order_of_steps_on_both_sides(tmp_path):
    text = render_markdown(GENRES["comparison"]([subject(tmp_path, losing(1.0))]))
    assert "**Different** in the source, of 4 steps that both loops make." in text
    assert re.search(r"Reference, in this order:\n\n1\.  `zero_grad`\n2\.  `backward`\n", text)
    assert re.search(r"Candidate, in this order:\n\n1\.  `backward`\n2\.  `zero_grad`\n", text)
    assert (
        "**Flag renamed:** `warmup_steps`. Commands that give warmup_steps = 0 have to give warmup_pct = 0.05" in text
    )
    assert "**Default changed:** `epochs`. Whoever does not give it runs with epochs = 4 instead of epochs = 3." in text


def test_the_integration_says_what_is_missing_and_where_things_went(tmp_path):
    text = render_markdown(GENRES["integration"]([subject(tmp_path, losing(1.0))]))
    assert "**Feature missing:** `signal handling` (`train.py:21`)." in text
    assert "| `trainer/losses.py` | 8 | 2 | 0 | 0 | `train.py` |" in text


def test_the_matrix_counts_files_and_says_which_side_has_a_feature(tmp_path):
    text = render_markdown(GENRES["features"]([subject(tmp_path, losing(1.0)), unread(losing(1.0), pair="other")]))
    assert "| signal handling | present, `train.py:21` | absent | **missing** |  |" in text
    assert f"| reference | `train.py` | {len(REFERENCE.splitlines())} |" in text
    assert "| signal handling | missing | not compared |" in text


@pytest.mark.parametrize("name", GENRES)
def test_the_same_subjects_give_the_same_bytes(tmp_path, name):
    one = subject(tmp_path, examples.lagging())
    rendering = Rendering(genre=name, document=GENRES[name]([one]), subjects=(one,))
    again = Rendering(genre=name, document=GENRES[name]([one]), subjects=(one,))
    for write in FORMATS.values():
        assert write(rendering) == write(again)


# -- formats ---------------------------------------------------------------------------------------------------------


def test_the_command_line_offers_what_there_is():
    assert tuple(GENRES) == verb.GENRES
    assert tuple(FORMATS) == verb.FORMATS


def test_json_holds_the_whole_document_as_plain_text(tmp_path):
    one = subject(tmp_path, examples.lagging())
    document = GENRES["status"]([one])
    rendering = Rendering(genre="status", document=document, subjects=(one,))
    content = json.loads(FORMATS["json"](rendering)["status.json"])
    assert (content["schema"], content["genre"], content["title"]) == (1, "status", "Refactoring status: char_gpt")
    assert [one["heading"] for one in content["sections"]] == [plain(one.heading) for one in document.sections]
    (table,) = [block for block in content["sections"][0]["blocks"] if block["kind"] == "table"]
    assert table["header"][:2] == ["Pair", "Verdict"]
    assert table["rows"][0][:2] == ["char_gpt", "different"]
    assert content["results"][0]["verdict"] == "different"


def hostile(texts):
    """A pair in which strangers have chosen every name."""
    text = texts[0]
    named = process(
        *(series(channel, one, [value]) for one in texts for channel, value in (("lr", 0.1), ("log_line", 1))),
        *(series("log_value", one, [1.0]) for one in texts),
        *setup("file_written", dict.fromkeys(texts, "written")),
        *setup("config", {"lr": text, **dict.fromkeys(texts, text)}),
        *setup("optimizer_type", {one: one for one in texts}),
        *setup("parameter_kind", {one: one for one in texts}),
        *setup("source_file", dict.fromkeys(texts, "1 lines, 0 functions, 0 classes")),
    )
    one = outcome(
        *(found("log_value", 1.0, 2.0, name=one) for one in texts),
        *(found("log_line", 1, None, name=one) for one in texts),
        scenario=text,
        pair=text,
        reference=trace(f"python {text} --x={text}", named, traceback=text),
        candidate=trace(f"python {text} --y={text}", named, exit_status=1, traceback=text),
        not_compared=[skipped("loss", one, one) for one in texts],
    )
    return replace(one, pair=text)


@pytest.mark.parametrize("texts", [HOSTILE[at : at + 5] for at in range(0, len(HOSTILE), 5)], ids=lambda one: one[0])
def test_no_genre_lets_a_text_become_markup(tmp_path, texts):
    one = subject(tmp_path, hostile(texts), pair=texts[0], planned=texts)
    for name, genre in GENRES.items():
        document = genre([one])
        page = render_markdown(document)
        assert visible(page.replace("\n", "")) == page.replace("\n", "")
        tokens = [inner for token in PARSER.parse(page) for inner in (token, *(token.children or ()))]
        kinds = {token.type for token in tokens}
        assert not kinds & {"html_block", "html_inline", "link_open", "image", "s_open", "em_open", "hr"}, name
        assert sum(token.type == "heading_open" and token.tag == "h1" for token in tokens) == 1
        rendering = Rendering(genre=name, document=document, subjects=(one,))
        json.loads(FORMATS["json"](rendering)[f"{rendering.stem}.json"])


def impact_of(*outcomes, pair="p"):
    """What the comparison says affects the training, and what it says does not."""
    text = render_markdown(GENRES["comparison"]([unread(*outcomes, pair=pair)]))
    return text.partition("Changes that affect the training")[2].partition("Changes that do not affect")[::2]


def test_what_is_accepted_affects_the_training_all_the_same():
    one = warmed_up([min(1, update / 5) * 1e-3 for update in range(10)])
    for outcomes, word in (
        ([one], "**The candidate's first"),
        (ruled([one], ledger(*waivers_for(one))), "**Accepted: The candidate's first"),
    ):
        affecting, harmless = impact_of(*outcomes)
        assert word in affecting
        assert "`lr`" not in harmless


def test_what_is_accepted_without_a_cause_is_named_as_what_it_is():
    one = replace(warmed_up([1e-3] * 9 + [7e-4]), diagnosis=None)
    affecting, harmless = impact_of(*ruled([one], ledger(*waivers_for(one))))
    assert "**Accepted, different:** the learning rate (`lr`) in `s`." in affecting
    assert "`lr`" not in harmless


def test_what_is_missing_is_named_and_the_numbers_are_about_the_rest():
    gone = finding(measurement("config", "1", None, name="width"))
    one = outcome(gone, covered=coverage(config={"series": 2, "values": 2, "equal": 2}))
    text = render_markdown(GENRES["status"]([unread(one)]))
    assert "**Missing:** the effective configuration (`config`): `width` in `quick`; of what both have, 2 of 2" in text


def test_two_runs_of_one_program_are_told_apart_by_their_commands():
    one = outcome(reference=trace("python train.py a"), candidate=trace("python train.py b"))
    title = render_markdown(GENRES["discrepancy"]([unread(one)])).splitlines()[0]
    assert title == "# Discrepancy report: `python train.py a` vs. `python train.py b`"


def drawn(title, points, *, clock=9):
    """A run that drew two pictures of two panels, the second of them over a clock."""
    pictures = ("1.png", "2.png")
    panels = {f"{one}::{at}": text for one in pictures for at, text in enumerate((title, "title 'Throughput'"))}
    values = {f"{one}::{at} line 0": value for one in pictures for at, value in enumerate((points, clock))}
    return process(*setup("chart", panels), *(series("chart_series", name, [one]) for name, one in values.items()))


def panels_of(reference, candidate):
    one = judged(trace("python a.py", reference), trace("python b.py", candidate))
    throughput = [skipped("chart_series", f"{at}.png::1 line 0", "a clock reading") for at in (1, 2)]
    judgement = replace(one.judgement, not_compared=(*one.judgement.not_compared, *throughput))
    return [
        (each.text, each.word, each.equal, each.left_out)
        for each in drawings(unread(replace(one, judgement=judgement)))
    ]


def test_panels_of_charts_are_identical_where_their_points_are():
    loss, clock = "title 'Loss'", ("title 'Throughput'", "not compared", 0, 2)
    assert panels_of(drawn(loss, 1), drawn(loss, 1)) == [(loss, "identical", 2, 0), clock]
    assert panels_of(drawn(loss, 1), drawn(loss, 2))[0] == (loss, "different", 0, 0)
    renamed = panels_of(drawn(loss, 1), drawn("title 'Cost'", 1))
    assert [(text, word) for text, word, *_ in renamed] == [
        (loss, "missing"), clock[:2], ("title 'Cost'", "added"),
    ]  # fmt: skip


def test_charts_stand_in_the_matrix():
    one = judged(*(trace("python a.py", drawn("title 'Loss'", 1)) for _ in range(2)))
    text = render_markdown(GENRES["features"]([unread(one)]))
    assert "| `title 'Loss'` | 2 pictures | 2 pictures | 2 equal, 0 different, 0 not compared | identical |" in text
