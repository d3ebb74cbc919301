import io
import math
import subprocess
import sys

import pytest
from rich.console import Console

from parity.compare.engine import compare
from parity.diagnose.outcome import Outcome
from parity.errors import CANNOT_COMPARE, VIOLATED, ReferenceFailedError
from parity.findings.model import Verdict
from parity.report.discrepancy import discrepancy_report
from parity.report.machine import result_json
from parity.report.markdown import render_markdown
from parity.report.terminal import print_outcome
from parity.run.conclusion import conclude
from parity.trace.model import Trace
from tests.unit.compare.trace_builder import process, series, trace
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import cause, found, measurement, outcome


def printed(one, *, terminal=False, **arguments):
    stream = io.StringIO()
    print_outcome(one, Console(file=stream, force_terminal=terminal, width=40, no_color=not terminal), **arguments)
    return stream.getvalue()


def test_an_error_of_several_lines_keeps_them():
    told = "python train.py ended with status 1\n  | Traceback\n  |   boom"
    lines = printed(Outcome(pair="char_gpt", scenario="quick", error=ReferenceFailedError(told))).splitlines()
    assert lines[1:] == [
        "  error             reference-failed: python train.py ended with status 1",
        "                      | Traceback",
        "                      |   boom",
    ]


def test_a_difference_on_one_screen():
    text = printed(examples.lagging(), report="out/report.md", next_command="parity report out/char_gpt")
    assert text == (
        "Different: char_gpt / quick\n"
        "  compared          20 updates, 1,654 values in 20 series, 789 equal\n"
        "  first divergence  at update 0, phase lr: different, the learning rate (lr), parameter group 0\n"
        "    reference       6e-05\n"
        "    candidate       0.0\n"
        "    size            absolute 6e-05, relative 1.0, 4.5e+18 ULP\n"
        "  probable cause    The learning rate lags by one update. Explains 4 of 6 findings (67 %)\n"
        "    consequence     The first update is made with a learning rate of 0.0 and changes nothing; every later one "
        "uses the rate of the update before.\n"
        "  probable cause    The validation loss is printed as the training loss. Explains 1 of 6 findings (17 %)\n"
        "    consequence     The printed training loss is never that of the training split.\n"
        "  further findings  5 that count against parity\n"
        "  other differences 3 that do not count against parity\n"
        "  not compared      13 items\n"
        "  report            out/report.md\n"
        "  next              parity report out/char_gpt\n"
    )


def test_parity_on_one_screen():
    assert printed(examples.identical("w2")) == (
        "Identical: char_gpt / w2\n"
        "  compared          20 updates, 1,638 values in 19 series, 1,637 equal\n"
        "  other differences 2 that do not count against parity\n"
        "  not compared      13 items\n"
    )


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (examples.failed(), "  error             reference-failed: python train.py ended with status 1"),
        (Outcome(pair="char_gpt", scenario="w2"), "  error             the scenario has no result"),
        (outcome(scenario="w2", covered={}), "  compared          2 updates, 0 values in 0 series, all equal"),
    ],
)
def test_what_was_not_compared_never_looks_identical(one, line):
    first, second, *_ = printed(one).splitlines()
    assert first == "Not compared: char_gpt / w2"
    assert second.startswith(line)


def test_an_irreproducible_reference_is_told():
    text = printed(outcome(irreproducible=[measurement("loss", 1.0, 2.0, update=2)]))
    assert text.startswith("Not compared: char_gpt / quick\n")
    assert "\n  not reproducible  The programs differ in the loss that is differentiated" in text


def test_an_unknown_cause_is_called_unknown():
    assert "  probable cause    unknown: no known cause" in printed(outcome(found("loss", 1.0, 2.0)))


def test_many_causes_are_cut():
    findings = [found("loss", 1.0, 2.0, name=str(number)) for number in range(5)]
    text = printed(outcome(*findings, causes=[cause(f"Cause {one.first.name}", one) for one in findings]))
    assert text.count("  probable cause ") == 3
    assert "... and 2 further causes\n" in text


def test_names_cannot_style_break_or_move_the_screen():
    one = found("log_value", math.nan, 1.0, name="[bold red]x[/]\n\x1b[2J:smile:")
    text = printed(outcome(one, scenario="[link=x]"))
    assert "[bold red]x[/]\\n\\x1b[2J:smile:" in text
    assert "char_gpt / [link=x]\n" in text
    assert "\x1b" not in text
    assert "    reference       nan\n" in text


def test_a_terminal_adds_colour_and_no_words():
    from rich.text import Text

    coloured = printed(examples.lagging(), terminal=True)
    assert "\x1b[" in coloured
    assert Text.from_ansi(coloured).plain.split() == printed(examples.lagging()).split()


def test_a_terminal_breaks_lines_under_their_label_and_a_file_keeps_them_whole():
    from rich.text import Text

    shown = Text.from_ansi(printed(examples.lagging(), terminal=True)).plain.splitlines()
    assert max(len(line) for line in shown) == 40
    (start,) = [at for at, line in enumerate(shown) if line.startswith("  first divergence")]
    assert shown[start + 1].startswith(" " * 20)
    assert shown[start + 1].strip()
    assert max(len(line) for line in printed(examples.lagging()).splitlines()) > 40


def test_a_terminal_without_colour_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    print_outcome(examples.lagging(), Console(file=stream, force_terminal=True, width=40))
    assert "\x1b[1;31m" in printed(examples.lagging(), terminal=True)
    assert "31m" not in stream.getvalue()


def test_quiet_is_the_verdict_alone():
    assert printed(examples.lagging(), quiet=True, report="x") == "Different: char_gpt / quick\n"


def test_importing_costs_no_renderer():
    code = (
        "import sys, parity.report.terminal, parity.report.machine, parity.report.discrepancy; "
        "print([name for name in ('rich', 'jinja2', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_contents_that_nobody_could_compare_never_look_like_parity(rate: float) -> None:
    def side(rate: float, algorithm: str) -> Trace:
        recorded = (series("lr", [rate], "0"), series("batch", [1], "0"), series("parameter_initial", [7], "w"))
        return trace(process(*recorded, digest=algorithm))

    one = conclude("pair", "scratch", compare(side(0.1, "xxh3-64"), side(rate, "blake2b-64")), None)
    same = rate == 0.1
    assert (one.exit_code, one.judgement.verdict) == (
        (CANNOT_COMPARE, Verdict.NOT_COMPARED) if same else (VIOLATED, Verdict.DIFFERENT)
    )
    text = printed(one)
    assert text.startswith("Not compared: pair / scratch" if same else "Different: pair / scratch")
    assert (
        "  not comparable    The reference's tensors were digested with xxh3-64, the candidate's with blake2b" in text
    )
    assert "install the package xxhash in both interpreters, or in neither" in text
    assert "install the package xxhash" in render_markdown(discrepancy_report([one]))
    listed = [entry["reason"] for entry in result_json(one)["not_compared"]]
    assert any("install the package xxhash" in reason for reason in listed)
