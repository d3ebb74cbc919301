"""What continuous integration reads, read back as its readers do."""

import json
import re
from dataclasses import replace
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from parity.diagnose.outcome import Outcome
from parity.invariants.lint import lint_both
from parity.report.ci.issues import Issue, issues
from parity.report.ci.junit import junit
from parity.report.ci.sarif import sarif
from parity.report.ci.summary import COMMENT_LIMIT, comment, marker, step_summary
from parity.report.ci.workflow import MOST_ANNOTATIONS, annotations
from parity.report.discrepancy import discrepancy_report
from parity.report.markdown import render_markdown
from parity.report.wording import visible
from tests.payloads import HOSTILE
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import cause, found, measurement, outcome

LAGGING = [examples.lagging()]


def issue(**changed):
    known = {
        "rule": "rule",
        "title": "Title",
        "message": "What happens.",
        "advice": "What to do.",
        "help": "docs/causes.md#rule",
        "pair": "pair",
        "scenarios": ("scratch",),
        "fingerprint": "0" * 32,
    }
    return Issue(**{**known, **changed})


# -- issues ----------------------------------------------------------------------------------------------------------


def test_causes_come_first_and_what_none_explains_follows():
    found_ = issues("char_gpt", LAGGING)
    assert [one.rule for one in found_] == [
        "the-learning-rate-lags-by-one-update",
        "the-validation-loss-is-printed-as-the-training-loss",
        "unexplained/eval_forwards",
    ]
    first = found_[0]
    assert (first.file, first.line) == ("trainers/schedule.py", 31)
    assert "changes nothing" in first.message
    assert "reference 6e-05, candidate 0.0" in first.message


def test_an_error_is_an_issue_and_parity_is_none():
    assert [one.rule for one in issues("char_gpt", [examples.failed()])] == ["error/reference-failed"]
    assert issues("char_gpt", [examples.identical()]) == ()


def test_an_invariant_that_the_candidate_alone_violates_is_an_issue():
    from tests.unit.report.report_builders import process, series, trace

    sound = trace("python a.py", process(series("lr", "0", [0.1, 0.1])))
    broken = trace("python b.py", process(series("lr", "0", [0.1, -0.1])))
    one = replace(examples.identical(), invariants=lint_both(sound, broken))
    gating = [each.candidate.invariant.id for each in one.invariants.betrayals if each.gates]
    assert gating
    assert [each.rule for each in issues("p", [one])] == [f"invariant/{name}" for name in gating]
    assert issues("p", [replace(one, invariants=lint_both(broken, broken))]) == ()


def rated(reference, candidate, update, title="The rate is {}"):
    rate = found("lr", reference, candidate, name="0", update=update)
    return outcome(rate, causes=[cause(title.format(candidate), rate, id="scaled")])


def test_fingerprints_outlive_values_updates_and_titles_but_not_pairs_and_kinds():
    (first,) = issues("p", [rated(0.1, 0.2, 3)])
    (second,) = issues("p", [rated(0.3, 0.7, 9)])
    assert first.title != second.title
    assert first.fingerprint == second.fingerprint
    assert re.fullmatch(r"[0-9a-f]{32}", first.fingerprint)
    (other,) = issues("q", [rated(0.1, 0.2, 3)])
    assert other.fingerprint != first.fingerprint
    unexplained = [issues("p", [outcome(found(name, 1.0, value))]) for name in ("lr", "loss") for value in (2.0, 3.0)]
    assert len({one.fingerprint for (one,) in unexplained}) == 2


# -- workflow commands -----------------------------------------------------------------------------------------------


def runner(line):
    """How the runner of GitHub reads one line: properties and message, or None where it is no command."""
    match = re.fullmatch(r"::([^ :]+) ([^:]*(?::(?!:)[^:]*)*)::(.*)", line)
    if match is None:
        return None
    properties = dict(part.split("=", 1) for part in match.group(2).split(","))

    def plain(text, *, inside):
        for code, character in (("%2C", ","), ("%3A", ":")) if inside else ():
            text = text.replace(code, character)
        return text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")

    return (
        match.group(1),
        {name: plain(value, inside=True) for name, value in properties.items()},
        plain(match.group(3), inside=False),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_an_annotation_is_one_command_whatever_it_quotes(text):
    line, end = annotations([issue(title=text, message=text, file=text.strip() or "x", line=7)]).split("\n")
    assert end == ""
    name, properties, message = runner(line)
    assert name == "error"
    assert properties["title"] == visible(f"pair: {text}")
    assert properties["file"] == visible(text.strip() or "x")
    assert properties["line"] == "7"
    assert message == f"{visible(text)}\nWhat to do."


def test_annotations_are_ten_at_most_and_name_a_place_only_where_it_is_known():
    lines = annotations([issue(fingerprint=str(at)) for at in range(MOST_ANNOTATIONS + 5)]).splitlines()
    assert len(lines) == MOST_ANNOTATIONS
    assert "file=" not in lines[0]
    assert annotations([]) == ""


# -- SARIF -----------------------------------------------------------------------------------------------------------


def test_sarif_links_every_result_to_its_rule():
    log = json.loads(sarif(issues("char_gpt", LAGGING)))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) == 3
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert set(result["partialFingerprints"]) == {"parity/v1"}
        for place in result.get("locations", ()):
            assert place["physicalLocation"]["region"]["startLine"] >= 1
    first = run["results"][0]["locations"][0]["physicalLocation"]
    assert first == {"artifactLocation": {"uri": "trainers/schedule.py"}, "region": {"startLine": 31}}


def test_sarif_of_parity_is_a_run_without_results():
    assert json.loads(sarif(()))["runs"][0]["results"] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_sarif_keeps_any_text_in_its_field(text):
    (run,) = json.loads(sarif([issue(title=text, message=text, file=f"d/{text}", line=1)]))["runs"]
    (result,) = run["results"]
    assert result["message"]["text"] == visible(text)
    if "locations" in result:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
        assert unquote(uri, errors="surrogatepass") == f"d/{text}".replace("\\", "/")
    else:
        assert "{" in text


@pytest.mark.parametrize(
    ("file", "uri"), [("/a b/c.py", "file:///a%20b/c.py"), ("a\\b.py", "a/b.py"), ("{out}/c.py", None), ("", None)]
)
def test_sarif_names_only_files_that_exist_somewhere(file, uri):
    (result,) = json.loads(sarif([issue(file=file, line=1)]))["runs"][0]["results"]
    places = result.get("locations", ())
    assert [place["physicalLocation"]["artifactLocation"]["uri"] for place in places] == ([uri] if uri else [])


# -- JUnit -----------------------------------------------------------------------------------------------------------


def suites(*outcomes):
    return list(ET.fromstring(junit(outcomes)))


def test_junit_has_a_case_for_each_phase_and_counts_them():
    (suite,) = suites(examples.lagging())
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases["lr"] == ["failure"]
    assert cases["data"] == []
    assert cases["checkpoint"] == ["skipped"]
    tags = [tag for inside in cases.values() for tag in inside]
    assert {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": len(cases),
        "failures": tags.count("failure"),
        "errors": 0,
        "skipped": tags.count("skipped"),
    }
    (failure,) = [child for case in suite for child in case if case.get("name") == "lr"]
    assert "reference 6e-05, candidate 0.0" in failure.text


@pytest.mark.parametrize(
    ("one", "name", "tag"),
    [
        (examples.failed(), "comparison", "error"),
        (Outcome(pair="p", scenario="s"), "comparison", "error"),
        (outcome(irreproducible=[measurement("loss", 1.0, 2.0)]), "reference", "error"),
        (outcome(covered={}), "loss", "skipped"),
    ],
)
def test_what_was_not_compared_never_passes(one, name, tag):
    (suite,) = suites(one)
    assert [[child.tag for child in case] for case in suite if case.get("name") == name] == [[tag]]


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_keeps_any_text_in_its_place(text):
    one = outcome(found("log_value", 1.0, 2.0, name=text), scenario=text, pair="p")
    (suite,) = suites(one)
    assert suite.get("name") == visible(f"p/{text}")
    (failure,) = [child for case in suite for child in case if child.tag == "failure"]
    assert visible(text) in failure.text


# -- summary and comment ---------------------------------------------------------------------------------------------


def many(number):
    findings = [found("log_value", 1.0, 2.0, name=f"loss number {at}") for at in range(number)]
    causes = [cause(f"Cause {at}", one, advice="Look " * 200) for at, one in enumerate(findings)]
    return [outcome(*findings, causes=causes)]


def test_a_report_that_fits_is_the_step_summary_byte_for_byte():
    document = discrepancy_report(LAGGING)
    assert step_summary(document, render_markdown) == render_markdown(document)


def test_a_step_summary_is_cut_by_section_and_says_where_the_rest_is():
    document = discrepancy_report(many(900))
    whole = render_markdown(document)
    assert len(whole.encode()) > 900_000
    cut = step_summary(document, render_markdown)
    assert len(cut.encode()) < 900_000
    assert cut.startswith(whole[:2000])
    assert "left out here" in cut
    assert "it is in the full report" in cut


def test_a_comment_stays_below_its_limit_and_keeps_its_mark():
    pairs = {f"pair-{at}": LAGGING * 40 for at in range(40)}
    body = comment(pairs, render_markdown)
    assert len(body.encode()) < COMMENT_LIMIT
    assert body.startswith(marker(list(pairs)) + "\n# Training parity")
    assert "left out here" in body
    small = comment({"char_gpt": LAGGING}, render_markdown)
    assert "The learning rate lags by one update" in small
    assert "left out" not in small


@pytest.mark.parametrize("text", HOSTILE)
def test_the_mark_of_a_comment_holds_nothing_of_the_names(text):
    assert re.fullmatch(r"<!-- parity:[0-9a-f]{16} -->", marker([text, "b"]))
    assert marker([text, "b"]) == marker(["b", text]) != marker([text])
    body = comment({text: LAGGING}, render_markdown)
    assert body.startswith(f"{marker([text])}\n")
    assert body.count(marker([text])) == 1
