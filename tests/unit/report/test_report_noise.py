"""What reports say about noise and tolerances."""

import io

from rich.console import Console

from parity.compare.engine import compare
from parity.compare.noise import NoisePass
from parity.compare.tolerance import Tolerance
from parity.diagnose.outcome import Outcome
from parity.findings.judge import judge
from parity.report.discrepancy import discrepancy_report
from parity.report.machine import result_json
from parity.report.markdown import render_markdown
from parity.report.terminal import print_outcome
from tests.unit.compare.trace_builder import run, series


def losses(*values):
    return run(series("loss", list(values)), series("clip_norm", [1.0] * len(values)))


def outcome(candidate, *, noise=None, tolerances=()):
    reference = losses(1.0, 1.0)
    if noise is None:
        noise = NoisePass(reference=reference, candidate=candidate, perturbed=(losses(1.0, 1.0 + 1e-5),))
    judgement = judge(compare(reference, candidate), noise=noise, tolerances=tolerances)
    return Outcome(pair="p", scenario="s", judgement=judgement)


def terminal(one):
    stream = io.StringIO()
    print_outcome(one, Console(file=stream, width=300))
    return stream.getvalue()


def report(one):
    return render_markdown(discrepancy_report([one]))


def test_what_is_equivalent_shows_value_floor_and_ratio():
    one = outcome(losses(1.0, 1.0 + 4e-5))
    shown = terminal(one)
    assert shown.startswith("Equivalent: p / s\n")
    assert "1 perturbed run; largest ratio 4 of 10: loss at update 1, distance 4.00e-05, floor 1.00e-05" in shown
    assert "| equivalent | `4.000e-05` | `1.000e-05` | `4` | at update 1 |" in report(one)
    machine = result_json(one)
    assert (machine["verdict"], machine["exit_code"], machine["noise"]["leaves"]) == ("equivalent", 0, None)
    (finding,) = machine["findings"]
    assert {"channel": "loss", "name": "", **finding["noise"]} == machine["noise"]["worst"]


def test_what_leaves_the_noise_says_where():
    one = outcome(losses(1.0, 1.0 + 4e-4))
    assert "The noise is left first by `loss`, at update 1." in report(one)
    assert result_json(one)["noise"]["leaves"] == {"channel": "loss", "name": "", "update": 1}


def test_more_than_rounding_in_one_step_is_said():
    side = run(series("loss", [1.0, 1.0]), series("clip_norm", [1.0, 1.1]))
    assert "**More than rounding:** the sides part in phase clip" in report(outcome(side))


def test_noise_that_was_not_measured_says_why():
    why = "a difference in the learning rate is no matter of rounding"
    one = outcome(losses(1.0, 2.0), noise=NoisePass(omitted=why))
    assert f"not measured: {why}" in terminal(one)
    assert f"The noise floor was not sought: {why}." in report(one)
    assert result_json(one)["noise"]["omitted"] == why


def test_a_tolerance_that_overrides_the_noise_is_named_with_its_reason():
    tolerance = Tolerance(channel="loss", absolute=5.0, reason="agreed upon")
    one = outcome(losses(1.0, 2.0), tolerances=[tolerance])
    assert (one.exit_code, one.judgement.noise) == (0, None)
    assert "loss *, absolute 5: agreed upon" in terminal(one)
    assert "**By tolerance:**" in report(one)
    assert "agreed upon" in result_json(one)["findings"][0]["tolerance"]


def test_without_a_difference_nothing_is_said_about_noise():
    one = outcome(losses(1.0, 1.0))
    assert "Noise" not in report(one)
    assert "noise" not in terminal(one)
