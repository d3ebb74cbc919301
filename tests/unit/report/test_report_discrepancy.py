"""The discrepancy report, read back section by section."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from parity.align.names import Alignment
from parity.compare.measurement import Coverage
from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import Diagnosis
from parity.errors import NothingRecordedError
from parity.findings.model import Judgement, Verdict
from parity.report.discrepancy import discrepancy_report
from parity.report.markdown import render_markdown
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import (
    cause,
    coverage,
    finding,
    found,
    measurement,
    outcome,
    process,
    series,
    setup,
    site,
    skipped,
    trace,
)

HEADINGS = (
    "## 1. Executive summary",
    "## 2. Structural differences",
    "## 3. Functional discrepancies",
    "## 4. Other differences",
    "## 5. What was compared",
    "### 5.1. What was not compared",
    "## 6. How the runs were made",
)
HOSTILE = "a|b`c`\n| <img src=x> | **x** |\u202e\ud800"


def report(*outcomes):
    return render_markdown(discrepancy_report(outcomes))


def section(text, heading):
    """Text under a heading whose words contain ``heading``, up to the next heading of its depth or above."""
    match = re.search(rf"^(#+) [^\n]*{re.escape(heading)}[^\n]*\n", text, re.MULTILINE)
    assert match, f"no heading {heading!r}"
    rest = text[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def row(text, first):
    """Cells of the table row that begins with the cell ``first``."""
    match = re.search(rf"^\| {re.escape(first)} \|.*$", text, re.MULTILINE)
    assert match, f"no row {first!r}"
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", match[0])[1:-1]]


def without_quotations(text):
    """``text`` without fenced excerpts."""
    return re.sub(r"^( *)(`{3,})\w+\n.*?^\1\2\n", "", text, flags=re.MULTILINE | re.DOTALL)


EVERY = {
    "identical": [examples.identical()],
    "different": [examples.lagging()],
    "crashed": [examples.crashed()],
    "failed": [examples.failed()],
    "several": [examples.identical("w1"), examples.lagging(), examples.crashed(), examples.failed()],
    "nothing known": [Outcome(pair="p", scenario="s")],
    "no scenario": [],
}


@pytest.mark.parametrize("outcomes", EVERY.values(), ids=EVERY)
def test_every_report_has_all_sections_and_the_same_bytes(outcomes):
    text = report(*outcomes)
    assert [line for line in text.splitlines() if line in HEADINGS] == list(HEADINGS)
    assert text.encode("utf-8") == report(*outcomes).encode("utf-8")


@pytest.mark.parametrize("outcomes", EVERY.values(), ids=EVERY)
def test_every_report_is_well_formed(outcomes):
    """Every line that looks like a table row is one, and no gap shows where a template had nothing to say."""
    text = report(*outcomes)
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows = sum(token.type == "tr_open" for token in tokens)
    rules = len(re.findall(r"^\|( :--- \|)+$", text, re.MULTILINE))
    assert rows == len(re.findall(r"^\| ", text, re.MULTILINE)) - rules
    assert "\n\n\n" not in text
    words = without_quotations(text)
    assert "()" not in words
    assert not re.search(r"\bNone\b(?! found)", words)


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ("identical", "**Parity: identical.**"),
        ("different", "**Different.**"),
        ("crashed", "**Different.**"),
        ("failed", "**Not compared.**"),
        ("several", "**Different.** In 2 of 4 scenarios"),
        ("nothing known", "**Not compared.**"),
        ("no scenario", "**Not compared.**"),
    ],
)
def test_the_verdict_is_the_first_word(outcomes, words):
    assert section(report(*EVERY[outcomes]), "Executive summary").strip().startswith(words)


def test_a_scenario_that_failed_outweighs_one_in_parity():
    summary = section(report(examples.identical("w1"), examples.failed()), "Executive summary")
    assert summary.strip().startswith("**Not compared.** In 1 of 2 scenarios nothing is known about parity.")
    assert row(summary, "`w1`")[1] == "**identical**"
    assert row(summary, "`w2`")[1] == "**not compared**"


def test_parity_is_stated_with_what_it_rests_on():
    text = report(examples.identical())
    summary = section(text, "Executive summary")
    assert "`train_refactored.py` trains exactly as `train.py` does." in summary
    assert "Compared bit for bit: 1,638 values over 20 updates." in summary
    assert "2 differences that do not count against parity are listed below." in summary
    assert "Not compared: 13 items" in summary
    assert "without any: forward, clip, checkpoint." in summary
    assert row(summary, "`quick`")[1:6] == ["**identical**", "20", "1,638", "1,637", "none"]
    assert section(text, "Functional").strip().startswith("None found. Among 1,638 values in 19 series")
    assert row(section(text, "What was compared"), "`gradient`")[2:] == ["1", "240", "240", "identical"]


def test_nothing_compared_is_not_parity():
    text = report(outcome(covered={}))
    assert "Parity" not in section(text, "Executive summary").replace("about parity", "")
    assert "No phase of the training was compared." in text
    assert "Not compared: neither a discrepancy nor its absence can be shown" in section(text, "Functional")
    assert section(text, "5. What was compared").strip().startswith("Nothing was compared.")


def test_what_the_reference_does_not_reproduce_proves_nothing():
    later = measurement("loss", 1.0, 2.0, update=4)
    first = measurement("gradient", "a", "b", name="w", update=3)
    shaky = outcome(scenario="w2", covered=coverage(lr=4), irreproducible=[later, first])
    why = (
        "The programs differ in the gradient of a parameter before clipping (`gradient`), parameter `w`, at update 3, "
        "but the reference itself does not reproduce that in a second run: from there on, a difference proves nothing."
    )
    summary = section(report(shaky), "Executive summary")
    assert summary.strip().startswith(f"**Not compared.** Nothing is known about parity. {why}\n")
    assert row(summary, "`w2`")[1] == "**not compared**"
    assert row(summary, "`w2`")[-2:] == ["none that can be proven", "none sought"]
    assert "neither a discrepancy nor its absence can be shown" in section(report(shaky), "Functional")
    both = report(examples.lagging(), shaky)
    assert both.count(f"Scenario `w2`: {why}") == 1
    opening = f"**Not compared.** In 1 of 2 scenarios nothing is known about parity. Scenario `w2`: {why}"
    assert opening in report(examples.identical(), shaky)


def test_the_first_divergence_and_the_causes_come_first():
    summary = section(report(examples.lagging()), "Executive summary")
    assert (
        "is in the learning rate (`lr`), parameter group `0`, at update 0: reference `6e-05`, candidate `0.0`."
        in summary
    )
    assert "1.  **The learning rate lags by one update.** The first update is made" in summary
    assert "2.  **The validation loss is printed as the training loss.**" in summary
    assert "No known cause explains 1 finding; see **Cause unknown** below." in summary
    assert row(summary, "`quick`")[1:] == [
        "**different**",
        "20",
        "1,654",
        "789",
        "`lr` `0` at update 0",
        "The learning rate lags by one update: explains 4 of 6 findings (67 %)",
    ]


def test_a_cause_shows_both_sides_consequence_advice_and_what_it_explains():
    part = section(report(examples.lagging()), "3.1. The learning rate lags by one update")
    assert "-   **Reference** `train.py`: `6e-05`\n\n    `train.py:319` in `<module>`:\n\n    ```python\n" in part
    assert "    scaler.step(optimizer)  # <- line 319\n" in part
    assert (
        "-   **Candidate** `train_refactored.py`: `0.0`\n\n    `trainers/schedule.py:31` in `WarmupCosine.step`:"
        in part
    )
    assert "\n**The first update is made with a learning rate of 0.0 and changes nothing;" in part
    assert "-   candidate lr(t) = reference lr(t - 1) at 19 of 19 updates" in part
    assert "**Advice:** Compare where the schedule is advanced with where the optimizer steps." in part
    assert "It explains 4 of 6 findings (67 %) in `quick`:" in part
    cells = row(part, "**different:** the content of a parameter after the update (`parameter`)")
    assert cells[1].endswith("`transformer.h.0.c_proj.weight` ... and 9 more")
    assert cells[2:] == [
        "at update 1",
        "digest `0000000000000047`",
        "digest `000000000000005d`",
        "228 of 240 values in 12 series differ",
    ]


def test_a_cause_of_one_finding_needs_no_table():
    part = section(report(examples.lagging()), "3.2. The validation loss")
    assert "It explains 1 of 6 findings (17 %) in `quick`.\n" in part
    assert "| Finding |" not in part


def test_a_cause_that_says_little_leaves_no_gaps():
    one = found("lr", 0.1, 0.2)
    text = report(outcome(one, causes=[cause("Bare", one, consequence="", advice="", evidence=())]))
    assert "1.  **Bare.** Explains 1 of 1 finding (100 %) in `quick`." in text
    part = section(text, "3.1. Bare")
    assert re.findall(r"^\S.*", part, re.MULTILINE)[-1] == "It explains 1 of 1 finding (100 %) in `quick`."
    assert not re.search(r"Advice|Why this|\*\*\*\*", part)


def test_what_no_cause_explains_is_called_unknown_and_has_evidence():
    part = section(report(examples.lagging()), "3.3. Cause unknown")
    assert part.strip().startswith("No known cause predicts this finding.")
    assert "**Different:** the number of evaluations (`eval_forwards`), first after update 9." in part
    assert "**Reference** `train.py`: `8` calls" in part
    assert "**Candidate** `train_refactored.py`: `4` calls" in part


def test_without_a_diagnosis_everything_is_unexplained():
    known = outcome(found("lr", 0.1, 0.2, name="0"), found("loss", 1.0, 2.0, update=1))
    undiagnosed = Outcome(pair="p", scenario="s", judgement=known.judgement)
    part = section(report(undiagnosed), "Cause unknown")
    assert "No known cause predicts these 2 findings." in part
    assert "1 of them lies in a channel that inherits earlier numeric differences" in part
    assert row(section(report(undiagnosed), "Executive"), "`s`")[-1] == "unknown"


def test_one_cause_in_two_scenarios_is_one_discrepancy():
    def scenario(name, rate):
        one = found("lr", 0.1, rate, name="0")
        return outcome(one, scenario=name, causes=[cause("Same cause", one)])

    text = report(scenario("w1", 0.2), scenario("w2", 0.3))
    assert text.count("Same cause\n") == 1
    part = section(text, "3.1. Same cause")
    assert "1 of 1 finding (100 %) in `w1`, 1 of 1 finding (100 %) in `w2`" in part
    assert "candidate `0.2`" in section(text, "Executive summary")


def explained(name, *titles, beside=0):
    """A scenario with one finding per cause, and some that nothing explains."""
    findings = [found("lr", 0.1, 0.2, name=title) for title in titles]
    causes = [cause(title, one) for title, one in zip(titles, findings, strict=True)]
    others = [found("loss", 1.0, 2.0, name=str(number)) for number in range(beside)]
    return outcome(*findings, *others, scenario=name, causes=causes)


@pytest.mark.parametrize(
    ("outcomes", "order"),
    [
        ([explained("w1", "First", "Second"), explained("w2", "Third", beside=1)], ["First", "Third", "Second"]),
        ([explained("w1", "Once"), explained("w2", "Twice"), explained("w3", "Twice")], ["Twice", "Once"]),
        ([explained("w1", "Small", beside=3), explained("w2", "Large")], ["Large", "Small"]),
        (
            [explained("w1", "First", "Often"), explained("w2", "Other", "Often"), explained("w3", "Other", "Often")],
            ["Other", "First", "Often"],
        ),
    ],
    ids=["rank", "scenarios", "share", "rank before scenarios"],
)
def test_causes_are_ranked_by_rank_then_scenarios_then_share(outcomes, order):
    found_ = re.findall(r"^### 3\.\d\. (\w+)$", report(*outcomes), re.MULTILINE)
    assert found_ == order


def test_a_finding_of_several_scenarios_is_one_row():
    part = section(report(explained("w1", "C", "D"), explained("w2", "D", "C")), "Functional")
    assert "Places and values" not in part
    both = [outcome(*(found("lr", 0.1, 0.2, name=name) for name in "ab"), scenario=name) for name in ("w1", "w2")]
    part = section(report(*both), "Cause unknown")
    assert row(part, "`w1`, `w2`")[1:3] == ["**different:** the learning rate (`lr`)", "`a`"]
    assert part.count("| `w1`, `w2` |") == 2
    assert "Places and values are those of the first scenario in a row." in part


def test_the_summary_lists_five_causes_and_counts_the_rest():
    summary = section(report(explained("w1", *(f"Cause {number}" for number in range(8)))), "Executive summary")
    assert re.findall(r"^\d\. +\*\*Cause (\d)", summary, re.MULTILINE) == list("01234")
    assert "... and 3 further causes, described below." in summary


@pytest.mark.parametrize(
    ("outcomes", "said"), [([examples.lagging()], False), ([examples.lagging(), examples.failed()], True)]
)
def test_a_scenario_without_comparison_is_mentioned_beside_a_difference(outcomes, said):
    summary = section(report(*outcomes), "Executive summary")
    assert ("1 scenario could not be compared at all." in summary) == said
    assert ("could not be compared at all" in summary) == said


def test_updates_compared_are_those_that_both_sides_made():
    shorter = trace("python new.py", process(series("lr", "0", [0.1])))
    for sides in ({"reference": shorter}, {"candidate": shorter}):
        assert row(section(report(outcome(**sides)), "Executive summary"), "`quick`")[2] == "1"


def test_long_tables_are_cut_and_say_so():
    findings = [found("lr", 0.1, 0.2, name=str(number)) for number in range(30)]
    part = section(report(outcome(*findings)), "Cause unknown")
    assert "... and 18 more findings." in part
    assert part.count("| **different:**") == 12
    assert part.count("-   **Reference**") == 3


def test_long_names_of_a_finding_are_cut():
    many = finding(*(measurement("gradient", "a", "b", name=f"p{number}") for number in range(26)))
    part = section(
        report(outcome(many, found("loss", 1.0, 2.0), causes=[cause("C", many, found("loss", 1.0, 2.0))])), "C"
    )
    assert "`p0`, `p1`, `p2` ... and 23 more" in part
    assert "parameter `p0` and 25 other names" in part


def test_other_differences_are_short_and_do_not_count():
    part = section(report(examples.lagging()), "4. Other differences")
    assert part.strip().startswith("These do not count against parity.")
    assert "-   **The environment** (`environment`), different: `threads` reference `1`, candidate `2`.\n" in part
    assert (
        "-   **Which lines are printed** (`log_line`), extra in the candidate: `system: {} cores, {} GB`, "
        "`tokens per iteration will be: {}`.\n"
    ) in part
    assert "reference `1` calls, candidate `2` calls.\n" in part
    assert part.count("\n-   ") == 3


def test_a_difference_shows_the_earliest_of_several_ranks():
    ranks = finding(*(measurement("config", "1", str(2 + rank), name="k", rank=rank) for rank in (0, 1)))
    assert "`k` reference `1`, candidate `2`.\n" in section(report(outcome(ranks)), "4. Other differences")


def test_other_differences_name_their_scenarios_where_not_all_show_them():
    part = section(report(examples.identical("w1"), outcome(scenario="w2")), "4. Other differences")
    assert part.count(" (only in `w1`).") == 2
    names = [found("config", "1", "2", name=f"k{number}") for number in range(8)]
    merged = finding(*(one.first for one in names))
    assert "`k4` reference `1`, candidate `2` ... and 3 more." in report(outcome(merged))


def test_one_kind_of_difference_is_said_once_for_all_scenarios():
    def lines(*names):
        return finding(*(measurement("log_line", None, 1, name=name) for name in names))

    def changed(value):
        return found("config", "1", value, name="k")

    here = outcome(lines("a"), changed("2"), scenario="w1")
    part = section(report(here, outcome(lines("a", "b"), changed("3"), scenario="w2")), "4. Other differences")
    assert part.count("\n-   ") == 2
    assert "extra in the candidate: `a`, `b` (not all of it in every scenario).\n" in part
    assert "`k` reference `1`, candidate `2`; `k` reference `1`, candidate `3`.\n" in part
    three = section(report(here, outcome(lines("b"), scenario="w2"), outcome(scenario="w3")), "4. Other differences")
    assert "`a`, `b` (only in `w1`, `w2`, and not all of it in each).\n" in three


def test_what_all_runs_share_is_said_once():
    text = section(
        report(outcome(scenario="w1"), outcome(scenario="w2", reference=trace("python other.py"))),
        "6. How the runs were made",
    )
    assert text.count("Torch version") == 1
    assert text.index("In all scenarios:") < text.index("Torch version") < text.index("### 6.1.")
    assert text.count("| Command |") == 2
    alike = section(report(outcome(scenario="w1"), outcome(scenario="w2")), "6. How the runs were made")
    assert (alike.count("| Command |"), alike.count("As in all scenarios.")) == (1, 2)


def test_structure_compares_files_holders_and_names():
    part = section(report(examples.lagging()), "Structural")
    assert part.strip().startswith(
        "`train.py` is made of 3 source files with 713 lines, `train_refactored.py` of 10 with 961."
    )
    assert row(part, "Code structure")[1:] == [
        "713 lines, 23 functions, 8 classes, in 3 files",
        "961 lines, 50 functions, 10 classes, in 10 files",
    ]
    assert (
        row(part, "Source files")[1] == "`train.py` (336 lines), `model.py` (330 lines), `configurator.py` (47 lines)"
    )
    assert row(part, "Source files")[2].endswith("`trainers/schedule.py` (44 lines) ... and 2 more")
    assert row(part, "Configuration")[1:] == [
        "`globals of train.py` (34 keys)",
        "`TrainingConfig in trainers/config.py` (dataclass, 41 fields)",
    ]
    assert row(part, "`transformer.wte.weight`")[1:] == ["`embedding.weight`", "equal initial content"]
    assert row(part, "`ckpt.pt`")[1:] == ["`last.pt`", "only file left"]


def test_many_holders_are_cut():
    many = trace("python train.py", process(*setup("config_source", {f"h{number}": "3 keys" for number in range(9)})))
    cells = row(section(report(outcome(reference=many)), "Structural"), "Configuration")
    assert cells[1].endswith("; `h5` (3 keys) ... and 3 more")


def test_a_structure_that_was_not_recorded_is_said_so():
    part = section(report(outcome()), "Structural")
    assert row(part, "Code structure")[1:] == ["not recorded", "not recorded"]
    assert row(part, "Configuration")[1:] == ["not recorded", "not recorded"]


def test_many_renamed_parameters_are_cut():
    renamed = Alignment({f"a{number}": f"b{number}" for number in range(30)})
    part = section(report(outcome(alignment=renamed)), "Structural")
    assert "30 names differ" in part
    assert "`a19`" in part
    assert "`a20`" not in part
    assert "... and 10 more" in part


@pytest.mark.parametrize(
    ("verdict", "gates", "covered", "skips", "words"),
    [
        (None, False, 5, (), "identical"),
        (None, False, 5, ("x",), "identical where compared, partly not compared"),
        (Verdict.DIFFERENT, True, 5, (), "**different**"),
        (Verdict.MISSING, True, 0, (), "**missing**"),
        (Verdict.EXTRA, False, 5, (), "extra, does not count against parity"),
        (Verdict.EQUIVALENT, False, 5, (), "equivalent, does not count against parity"),
    ],
)
def test_the_coverage_of_a_channel_has_a_verdict(verdict, gates, covered, skips, words):
    findings = [found("lr", 0.1, 0.2)] if verdict else []
    findings = [finding(one.first, verdict=verdict, gates=gates) for one in findings]
    known = outcome(
        *findings,
        covered={
            "lr": Coverage(series=1, values=covered, equal=covered),
            "loss": Coverage(series=1, values=1, equal=1),
        },
        not_compared=[skipped("lr", name, "r") for name in skips],
    )
    assert row(section(report(known), "5. What was compared"), "`lr`")[-1] == words


def test_what_gates_decides_the_verdict_of_a_channel():
    extra = finding(measurement("lr", None, 0.2, name="1"), gates=False)
    missing = finding(measurement("lr", 0.1, None, name="2"), gates=True)
    different = finding(measurement("lr", 0.1, 0.2, name="3"), gates=False)
    known = outcome(extra, missing, different)
    assert row(section(report(known), "5. What was compared"), "`lr`")[-1] == "**missing**"


def test_a_channel_without_values_does_not_stand_among_the_compared():
    known = outcome(covered={**coverage(loss=2), "lr": Coverage(series=0, values=0, equal=0)})
    assert "| `lr` |" not in report(known)


def test_channels_that_this_version_does_not_know_come_last():
    covered = coverage(unheard_of=2, loss=2, batch=2)
    part = section(report(outcome(covered=covered)), "5. What was compared").partition("### 5.1")[0]
    assert re.findall(r"^\| `(\w+)`", part, re.MULTILINE) == ["batch", "loss", "unheard_of"]


def test_values_that_were_set_aside_never_read_identical():
    known = outcome(covered={"lr": Coverage(series=1, values=5, equal=4), **coverage(loss=1)})
    partly = "identical where compared, partly not compared"
    assert row(section(report(known), "5. What was compared"), "`lr`")[-1] == partly


def test_a_channel_of_values_that_were_all_set_aside_was_not_compared():
    alone = {"lr": Coverage(series=1, values=5, equal=0)}
    known = outcome(covered={**alone, **coverage(loss=1)}, not_compared=[skipped("lr", "0", "not reproducible")])
    text = report(known)
    assert "Phases with compared values: loss;" in text
    assert "| `lr` |" not in section(text, "5. What was compared").partition("### 5.1")[0]
    assert "| `quick` | `lr` | `0` | not reproducible |" in section(text, "5.1")
    assert "**Not compared.**" in report(outcome(covered=alone))


def test_parity_within_the_noise_is_called_equivalent(monkeypatch):
    monkeypatch.setattr(Judgement, "verdict", Verdict.EQUIVALENT)
    summary = section(report(outcome()), "Executive summary")
    assert summary.strip().startswith("**Parity: equivalent.** Every difference between the programs lies within")


def test_channels_stand_in_causal_order_and_name_scenarios_where_they_disagree():
    one = found("loss", 1.0, 2.0)
    text = report(
        outcome(scenario="w1", covered=coverage(updates=1, loss=2, tokens=2)),
        outcome(one, scenario="w2", covered=coverage(loss=2, tokens=2)),
    )
    part = section(text, "5. What was compared").partition("### 5.1")[0]
    assert re.findall(r"^\| `(\w+)`", part, re.MULTILINE) == ["tokens", "loss", "updates"]
    assert row(part, "`loss`")[2:] == ["2", "4", "4", "**different** in `w2`; identical in `w1`"]
    assert row(part, "`updates`")[-1] == "identical in `w1`; not observed in `w2`"


def test_what_was_not_compared_has_a_reason_and_is_grouped():
    left_out = [skipped("buffer", "", "seen nowhere"), skipped("loss_scale", "", "seen nowhere")]
    left_out += [skipped("rank", str(number), "no such rank") for number in range(1, 8)]
    text = report(outcome(scenario="w1", not_compared=left_out), outcome(scenario="w2", not_compared=left_out[:2]))
    part = section(text, "5.1. What was not compared")
    assert "| `w1`, `w2` | `buffer`, `loss_scale` | all | seen nowhere |\n" in part
    assert "| `w1` | `rank` | `1`, `2`, `3` ... and 4 more | no such rank |\n" in part
    assert "`loss_scale`" not in text.partition("### 5.1")[0]


def test_nothing_left_out_is_said_so():
    assert "Nothing that was observed was left out." in section(report(outcome()), "5.1")


def test_an_error_shows_its_slug_its_message_and_the_way_out():
    message = "train.py printed no update.\n  stderr | line\nCheck the command."
    text = report(Outcome(pair="p", scenario="w1", error=NothingRecordedError(message)))
    part = section(text, "3.1. Not compared: scenario `w1`")
    assert "**Error** `nothing-recorded`: train.py printed no update." in part
    assert "```text\n  stderr | line\nCheck the command.\n```" in part
    assert "`parity help nothing-recorded`" in part
    assert "# Discrepancy report: `p`\n" in text
    assert row(section(text, "5.1"), "`w1`")[1:] == [
        "all",
        "all",
        "nothing-recorded: train.py printed no update. stderr \\| line Check the command.",
    ]


def test_the_runs_can_be_repeated_from_the_report():
    part = section(report(examples.lagging()), "How the runs were made")
    expected = {
        "Command": "`python train.py config/tiny.py --device=cpu`",
        "Launched as": "as in the command",
        "World size": "1 rank",
        "Seed": "`1337`",
        "Recording level": "`digest`",
        "Limit of updates": "`20`",
        "Interventions": "stopped after 20 updates",
        "Python version": "`3.11.7`",
        "Torch version": "`2.13.0+cpu`",
        "End": "success, exit status `0`",
        "Trace": "complete",
    }
    assert {title: row(part, title)[1] for title in expected} == expected


@pytest.mark.parametrize(
    ("manifest", "title", "words"),
    [
        ({"seed": None}, "Seed", "the program's own"),
        ({"updates_limit": None}, "Limit of updates", "none, the program ran to its own end"),
        ({"argv": ["torchrun", "train.py", "a b"]}, "Launched as", "`torchrun train.py 'a b'`"),
        ({"world": 4}, "World size", "4 ranks, 1 of them recorded"),
        ({"exit_status": -9}, "End", "ended by signal 9, exit status `-9`"),
        ({"exit_status": None}, "End", "exit status not known: the recorder did not see the end"),
        ({"interventions": ["a", "b"]}, "Interventions", "a; b"),
    ],
)
def test_every_condition_of_a_run_is_told(manifest, title, words):
    text = report(outcome(reference=trace("python train.py", **manifest)))
    assert row(section(text, "How the runs were made"), title)[1] == words


def test_a_trace_that_ends_early_is_told():
    broken = trace("python train.py", process(series("lr", "0", [0.1]), sealed=False, lost_bytes=35))
    text = report(outcome(candidate=broken))
    assert row(section(text, "How the runs were made"), "Trace")[1:] == [
        "complete",
        "cut short: rank 0; 35 bytes unreadable",
    ]


def test_a_side_that_failed_shows_its_traceback():
    part = section(report(examples.crashed()), "How the runs were made")
    assert "Traceback of the candidate:\n\n```text\nTraceback (most recent call last):\n" in part
    assert "RuntimeError: element 0 of tensors does not require grad\n```" in part
    assert "Traceback of the reference" not in part
    assert row(part, "End")[1:] == ["success, exit status `0`", "failure, exit status `1`"]


def test_of_a_long_traceback_the_end_is_shown():
    long = trace("python new.py", traceback="\n".join(f"line {number}" for number in range(100)))
    part = section(report(outcome(candidate=long)), "How the runs were made")
    assert "```text\nline 60\n" in part
    assert "\nline 99\n```" in part


def test_a_traceback_that_only_the_trace_knows_is_shown():
    ended = process(series("lr", "0", [0.1]))
    noted = type(ended)(
        file="a", header={"rank": 0}, series=ended.series, notes=({"traceback": "line 1\nKeyError: 'x'"},)
    )
    assert "```text\nline 1\nKeyError: 'x'\n```" in report(outcome(candidate=trace("python new.py", noted)))


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ("python train.py cfg.py", "`train.py`"),
        ("torchrun --nproc-per-node 2 train.py", "`train.py`"),
        ("python -m trainers char_gpt", "`trainers`"),
        ("./run 'unclosed", "`./run`"),
        ("", "`program`"),
    ],
)
def test_the_title_names_the_programs(command, title):
    text = report(outcome(reference=trace(command)))
    assert text.splitlines()[0] == f"# Discrepancy report: {title} vs. `train_refactored.py`"


def everywhere(text):
    """Outcomes in which all that a user may name or print reads ``text``."""
    one = found("log_value", float("nan"), 1.0, name=text, candidate_name=text + "2")
    other = found("config", text, text + "x", name=text)
    side = trace(
        text,
        process(
            series("lr", "0", [0.1]),
            *setup("source_file", {text: "3 lines, 1 function, 0 classes"}),
            *setup("config_source", {text: text}),
            *setup("environment", {"python": text}),
            *setup("call_site", {f"log:{text}": site(text, 2, text, f"a\n{text}\n````\n# b", first_line=1)}),
        ),
        interventions=[text],
        traceback=f"a\n{text}\n````\n# no heading\n| no | table |",
    )
    known = outcome(
        one,
        other,
        scenario=text,
        causes=[cause(text, one, consequence=text, advice=text, evidence=(text,))],
        reference=side,
        candidate=side,
        not_compared=[skipped(text, text, text)],
        alignment=Alignment({text: text + "2"}),
    )
    failed = Outcome(pair=text, scenario=f"{text}3", error=NothingRecordedError(f"{text}\na\n{text}"))
    unexplained = outcome(found("loss", 1.0, 2.0), scenario="unexplained", reference=side, candidate=side)
    return known, unexplained, failed


def skeleton(text):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    inner = [child for token in tokens for child in token.children or ()]
    foreign = {"html_inline", "image", "link_open", "em_open", "s_open", "hardbreak", "softbreak"}
    assert not foreign & {child.type for child in inner}
    return [(token.type, token.level) for token in tokens]


def widths(text):
    """Cells of every row as written: a reader that is handed too many would drop them silently."""
    tables = re.findall(r"(?:^\|.*\n)+", without_quotations(text), re.MULTILINE)
    return [[len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()] for table in tables]


@given(st.text(min_size=1).filter(lambda text: text.isascii() and text.strip()))
@example(HOSTILE)
@example("a\\|b")
@example("`")
@settings(max_examples=50, deadline=None)
def test_no_name_and_no_printed_line_changes_the_shape_of_a_report(text):
    hostile, calm = report(*everywhere(text)), report(*everywhere("calm"))
    hostile.encode("utf-8")
    assert skeleton(hostile) == skeleton(calm)
    assert widths(hostile) == widths(calm)
    assert not any(char in hostile for char in "\u202e\x1b\r\x00")


def test_a_diagnosis_may_explain_what_is_not_there():
    known = outcome(found("lr", 0.1, 0.2))
    stray = Diagnosis(causes=(cause("Stray", found("loss", 1.0, 2.0)),), unexplained=(), total=1)
    text = report(Outcome(pair="p", scenario="s", judgement=known.judgement, diagnosis=stray))
    assert "### 3.1. Stray" in text
    assert "### 3.2. Cause unknown" in text
