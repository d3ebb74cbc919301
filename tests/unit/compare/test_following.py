"""Which differences between a leader and its follower stand by themselves."""

import pytest

from parity.compare.engine import compare
from parity.compare.excuses import Notes
from parity.compare.following import separate
from parity.compare.measurement import moment, phase_at
from parity.findings.following import judge_followed, word_of
from parity.findings.judge import judge
from parity.findings.model import Verdict
from parity.trace.channels import Phase
from tests.unit.compare.trace_builder import parameters, process, series, trace

SAME = {
    "batch": [10, 11],
    "output": [1.0, 2.0],
    "output_content": [60, 61],
    "loss": [0.5, 1.0],
    "gradient": [20, 21],
    "gradient_applied": [30, 31],
    "lr": [0.1, 0.1],
    "parameter": [40, 41],
    "optimizer_state": [50, 51],
    "log_value": [3.0, 4.0],
}
NAMES = {"gradient": "w", "gradient_applied": "w", "parameter": "w", "optimizer_state": "w/m", "log_value": "loss {}#0"}


def side(notes=(), **changes):
    values_of = {channel: values for channel, values in {**SAME, **changes}.items() if values}
    recorded = [series(channel, values, NAMES.get(channel, "")) for channel, values in values_of.items()]
    group = changes.get("optimizer_group", ["a"])
    others = [one for one in recorded if one.channel.name != "optimizer_group"]
    said = [{"follow": note} for note in notes]
    return trace(process(*parameters({"w": 1}), *others, series("optimizer_group", group, "w", [0]), notes=said))


def standing(candidate, reference=None):
    reference = reference or side()
    judgement, followed = judge_followed(reference, candidate, judge(compare(reference, candidate)), None)
    words = {phase.name: word_of(phase) for phase in followed.phases}
    shown = {name: word.value for name, word in words.items() if word not in (None, Verdict.IDENTICAL)}
    return shown, sorted({finding.channel.name for finding in judgement.gating})


@pytest.mark.parametrize(
    ("candidate", "shown", "gating"),
    [
        pytest.param(side(), {}, [], id="equal"),
        pytest.param(side(batch=[10, 12]), {"data": "different"}, ["batch"], id="data"),
        pytest.param(
            side(output=[1.0, 2.5], gradient=[20, 29]),
            {"forward": "different", "backward": "not-compared"},
            ["output"],
            id="a gradient behind another forward is no finding",
        ),
        pytest.param(
            side(output=[1.0, 2.5], gradient=[28, 29]),
            {"forward": "different", "backward": "different"},
            ["gradient", "output"],
            id="but one where the forward is the same is",
        ),
        pytest.param(
            side(loss=[1.0, 2.0], gradient=[28, 29]),
            {"loss": "different", "backward": "not-compared"},
            ["loss"],
            id="nor one behind a loss that could not be taken over",
        ),
        pytest.param(
            side(
                [{"update": u, "writes": {"output gradients": 1}} for u in (0, 1)], loss=[1.0, 2.0], gradient=[28, 29]
            ),
            {"loss": "different", "backward": "different"},
            ["gradient", "loss"],
            id="one behind a loss that was taken over is",
        ),
        pytest.param(
            side([{"update": 1, "writes": {}, "unforced": {"inputs": "other shape"}}], output=[1.0, 9.0]),
            {"forward": "not-compared", "loss": "not-compared", "backward": "not-compared"},
            [],
            id="inputs that could not be taken over",
        ),
        pytest.param(
            side([{"update": 1, "writes": {}, "unforced": {"gradients": "sparse"}}], gradient_applied=[30, 39]),
            {"clip": "not-compared"},
            [],
            id="gradients that could not be taken over",
        ),
        pytest.param(
            side(optimizer_group=["b"], parameter=[48, 49], optimizer_state=[58, 59]),
            {"update": "different", "state": "not-compared"},
            ["optimizer_group"],
            id="what other hyper-parameters do",
        ),
        pytest.param(
            side(parameter=[48, 41], lr=[0.2, 0.1]),
            {"lr": "different", "update": "different"},
            ["lr", "parameter"],
            id="a rate that was taken over explains no update",
        ),
        pytest.param(
            side([{"update": 1, "alone": "the leader died"}], parameter=[40, 49], lr=[0.1, 0.3]),
            dict.fromkeys(
                ("data", "forward", "loss", "backward", "clip", "lr", "update", "state", "log"), "not-compared"
            ),
            [],
            id="alone",
        ),
    ],
)
def test_only_what_stands_by_itself_is_a_finding(candidate, shown, gating):
    assert standing(candidate) == (shown, gating)


@pytest.mark.parametrize(
    ("notes", "changes", "shown", "gating"),
    [
        pytest.param([], {}, {"loss": "not-compared"}, [], id="outputs that were kept"),
        pytest.param(
            [],
            {"log_value": [3.0, 2.0]},
            {"loss": "not-compared", "log": "different"},
            ["log_value"],
            id="and a printed number that is no loss in the reference",
        ),
        pytest.param(
            [{"update": 1, "writes": {"outputs": 1}}],
            {},
            {"loss": "different"},
            ["loss"],
            id="outputs that were taken over",
        ),
    ],
)
def test_a_loss_is_compared_where_the_outputs_it_is_of_are_equal(notes, changes, shown, gating):
    candidate = side(notes, output=None, output_content=[60, 69], loss=[0.5, 2.0], **changes)
    expected = {"forward": "different", "backward": "not-compared", **shown}
    assert standing(candidate, side(output=None)) == (expected, sorted([*gating, "output_content"]))


def test_a_model_that_returns_its_loss_needs_no_other_output():
    candidate = side(output_content=[60, 69], loss=[0.5, 2.0])
    shown = {"forward": "different", "loss": "different", "backward": "not-compared"}
    assert standing(candidate) == (shown, ["loss", "output_content"])


def test_what_is_taken_out_is_not_compared_with_the_reason():
    separation = separate(side(), side(output=[1.0, 2.5], gradient=[20, 29]))
    assert [(one.channel, one.name, one.reason) for one in separation.not_compared] == [
        ("gradient", "w", "the forward differs")
    ]
    for one in (separation.reference, separation.candidate):
        assert one.processes[0].get("gradient", "w").updates.tolist() == [0]


def test_a_printed_loss_is_as_little_compared_as_the_loss_itself():
    reference = side(output=None, loss=[0.5, 1.04], log_value=[0.5, 1.0])
    candidate = side(output=None, output_content=[60, 69], loss=[0.5, 2.04], log_value=[0.5, 2.0])
    separation = separate(reference, candidate)
    assert [(one.channel, one.reason) for one in separation.not_compared if one.channel != "gradient"] == [
        ("loss", "what the model returned differs, and was kept"),
        ("log_value", "what the model returned differs, and was kept"),
    ]


def test_writes_are_counted_over_all_updates():
    said = [{"follow": {"update": u, "writes": {"inputs": u + 1, "parameters": 1}}} for u in range(3)]
    assert Notes(process(notes=[*said, {"blind": "x"}])).writes == {"inputs": 6, "parameters": 3}


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("ordinal", [0, 1, 7])
def test_a_moment_tells_its_phase(phase, ordinal):
    assert phase_at(moment(3, phase, ordinal)) is phase
