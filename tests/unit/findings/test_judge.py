import re

import pytest

from parity.compare.engine import compare
from parity.findings.judge import judge
from parity.findings.model import Verdict
from tests.unit.compare.trace_builder import process, run, series, trace


def judged(reference, candidate, rerun=None):
    again = compare(reference, rerun) if rerun is not None else None
    return judge(compare(reference, candidate), rerun=again)


def shown(judgement):
    return [(one.channel.name, one.verdict.value, one.gates) for one in judgement.findings]


def text(channel, value, name=""):
    return series(channel, [value], name, updates=[-1])


LOSS = series("loss", [1.0, 2.0, 3.0])


def test_nothing_found_is_identical():
    judgement = judged(run(LOSS), run(LOSS))
    assert (judgement.findings, judgement.verdict, judgement.first_divergence) == ((), Verdict.IDENTICAL, None)


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (series("loss", [1.0, 2.0, 4.0]), Verdict.DIFFERENT),
        (series("loss", [1.0, 2.0]), Verdict.MISSING),
        (series("loss", [1.0, 2.0, 3.0, 4.0]), Verdict.EXTRA),
    ],
)
def test_each_kind_of_difference_has_its_word_and_gates(candidate, verdict):
    judgement = judged(run(LOSS), run(candidate))
    assert [(one.verdict, one.gates) for one in judgement.findings] == [(verdict, True)]
    assert judgement.verdict is Verdict.DIFFERENT


def test_names_and_ranks_of_one_channel_belong_together():
    def side(value):
        return trace(*(process(*(series("gradient", [value], n) for n in "ab"), rank=rank) for rank in (0, 1)))

    (one,) = judged(side(1), side(2)).findings
    assert (one.names, one.ranks, len(one.measurements)) == (("a", "b"), (0, 1), 4)


def test_channels_and_kinds_are_apart_in_causal_order():
    ours = run(LOSS, series("lr", [0.1, 0.1]), series("batch", [1, 2], "0"))
    theirs = run(series("loss", [1.0, 9.0]), series("lr", [0.1, 0.2]), series("batch", [1, 3], "0"))
    judgement = judged(ours, theirs)
    assert shown(judgement) == [
        ("batch", "different", True),
        ("loss", "different", True),
        ("lr", "different", True),
        ("loss", "missing", True),
    ]
    assert judgement.first_divergence.channel.name == "batch"
    assert [one.update for one in judgement.findings] == [1, 1, 1, 2]


@pytest.mark.parametrize("channel", ["config", "environment", "file_written"])
def test_context_is_listed_but_does_not_gate(channel):
    judgement = judged(run(LOSS, text(channel, "a", "k")), run(LOSS, text(channel, "b", "k")))
    assert shown(judgement) == [(channel, "different", False)]
    assert (judgement.verdict, judgement.first_divergence, judgement.gating) == (Verdict.IDENTICAL, None, ())


def line(times, value, name="a {}"):
    """A line printed ``times`` times with the number ``value`` in it."""
    return [series("log_line", [1] * times, name), series("log_value", [value] * times, f"{name}#0")]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param(line(1, 1.0), line(1, 1.0, "b {}"), {("log_line", False)}, id="other wording"),
        pytest.param(line(2, 1.0), line(1, 1.0), {("log_line", False)}, id="printed less often"),
        pytest.param(line(1, 1.0), [], {("log_line", False)}, id="not printed"),
        pytest.param([], line(1, 1.0), {("log_line", False)}, id="printed besides"),
        pytest.param(line(1, 1.0), line(1, 2.0), {("log_value", True)}, id="other number"),
        pytest.param(line(1, 1.0), line(2, 2.0), {("log_line", False), ("log_value", True)}, id="both"),
    ],
)
def test_wording_does_not_gate_but_a_printed_number_does(ours, theirs, expected):
    judgement = judged(run(LOSS, *ours), run(LOSS, *theirs))
    assert {(one.channel.name, one.gates) for one in judgement.findings} == expected


def test_printed_numbers_belong_together_by_line():
    def side(value):
        return run(*(series("log_value", [value], name) for name in ("a {} {}#0", "b {}#0", "a {} {}#1")))

    found = judged(side(1.0), side(2.0)).findings
    assert [one.names for one in found] == [("a {} {}#0", "a {} {}#1"), ("b {}#0",)]


def test_what_the_reference_does_not_reproduce_is_not_compared_from_there_on():
    rerun = run(series("loss", [1.0, 2.0, 3.5]))
    judgement = judged(run(LOSS), run(series("loss", [1.0, 2.0, 4.0])), rerun)
    assert judgement.findings == ()
    assert judgement.verdict is Verdict.NOT_COMPARED
    (one,) = [one for one in judgement.not_compared if one.channel == "loss"]
    assert "the reference does not reproduce it" in one.reason
    assert [one.update for one in judgement.irreproducible] == [2]


@pytest.mark.parametrize(
    ("channel", "name", "verdict"),
    [
        ("loss", "", Verdict.NOT_COMPARED),
        ("log_value", "a {}#0", Verdict.IDENTICAL),
        ("zero_grad", "", Verdict.IDENTICAL),
    ],
)
def test_only_what_defines_the_training_keeps_it_from_being_compared(channel, name, verdict):
    sides = [run(series("lr", [0.1]), series(channel, [value], name)) for value in (1, 2, 3)]
    assert judged(*sides).verdict is verdict


def test_a_difference_that_reproduces_outweighs_one_that_does_not():
    rerun = run(series("loss", [1.0, 2.0, 3.5]), series("lr", [0.1]))
    candidate = run(series("loss", [1.0, 2.0, 4.0]), series("lr", [0.2]))
    assert judged(run(LOSS, series("lr", [0.1])), candidate, rerun).verdict is Verdict.DIFFERENT


def test_an_earlier_difference_still_gates():
    rerun = run(series("loss", [1.0, 2.0, 3.5]))
    judgement = judged(run(LOSS), run(series("loss", [1.0, 9.0, 4.0])), rerun)
    assert shown(judgement) == [("loss", "different", True)]
    assert not [one for one in judgement.not_compared if one.channel == "loss"]


def test_the_earliest_sign_of_irreproducibility_counts():
    """The rerun differs at update 1 and ends before update 2: nothing from update 1 on proves anything."""
    judgement = judged(run(LOSS), run(series("loss", [1.0, 3.0, 4.0])), run(series("loss", [1.0, 2.5])))
    assert judgement.findings == ()


def test_other_series_still_gate():
    lr = series("lr", [0.1])
    judgement = judged(
        run(LOSS, lr),
        run(series("loss", [9.0, 2.0, 3.0]), series("lr", [0.2])),
        run(series("loss", [8.0, 2.0, 3.0]), lr),
    )
    assert shown(judgement) == [("lr", "different", True)]


def test_a_rank_that_reproduces_itself_still_gates():
    def side(first, second):
        return trace(process(series("loss", [first])), process(series("loss", [second]), rank=1))

    judgement = judged(side(1.0, 1.0), side(2.0, 2.0), side(3.0, 1.0))
    assert [(one.channel.name, one.ranks) for one in judgement.findings] == [("loss", (1,))]


def test_what_irreproducible_data_leads_to_is_excused_even_where_both_runs_agree_by_chance():
    """Adam's first step moves a parameter by the sign of its gradient: two runs on other data may end up equal."""

    def side(batch, parameter, lr=0.1):
        return run(series("batch", [batch], "0"), series("parameter", [parameter], "bias"), series("lr", [lr]))

    assert judged(side(1, 7), side(2, 8), side(3, 7)).verdict is Verdict.NOT_COMPARED
    assert shown(judged(side(1, 7), side(2, 8, lr=0.2), side(3, 7))) == [("lr", "different", True)]


def test_values_that_jitter_do_not_excuse_values_that_are_missing():
    """The reference reproduces that there is a loss in every update, only not its value."""
    jitter = run(series("loss", [1.5, 2.5, 3.5]))
    assert shown(judged(run(LOSS), run(series("loss", [1.0])), jitter)) == [("loss", "missing", True)]


@pytest.mark.parametrize(
    ("channel", "name"), [("config", "k"), ("loss", ""), ("log_value", "a {}#0"), ("micro_steps", ""), ("updates", "")]
)
def test_what_is_irreproducible_is_named_in_words(channel, name):
    """The reason is for people: the keys by which places are sorted do not belong there."""
    values = ("a", "b") if channel == "config" else (1, 2)
    one, other = (run(series(channel, [value], name, updates=[2])) for value in values)
    judgement = judged(one, other, other)
    (skipped,) = [each for each in judgement.not_compared if "reproduce" in each.reason]
    assert judgement.findings == ()
    assert (skipped.channel, skipped.name) == (channel, name)
    assert re.findall(r"\d+", skipped.reason) in ([], ["2"])


@pytest.mark.parametrize(
    ("ours", "theirs", "gates"),
    [
        ("train.py --out one", "new.py --out two", False),
        ("train.py --out=one", "new.py --out two", False),
        ("train.py --out one", "new.py --other two", True),
        ("train.py --out one", "new.py", True),
        ("train.py", "new.py", True),
        ("train.py --out one", "new.py --out three", True),
    ],
)
def test_a_difference_that_both_command_lines_ask_for_does_not_gate(ours, theirs, gates):
    recorded = text("exception", "cannot write one/ckpt.pt"), text("exception", "cannot write two/ckpt.pt")
    judgement = judged(run(LOSS, recorded[0], command=ours), run(LOSS, recorded[1], command=theirs))
    assert shown(judgement) == [("exception", "different", gates)]


def test_a_shape_or_a_number_is_never_excused_by_the_command_line():
    recorded = text("parameter_kind", "float32[10, 4]"), text("parameter_kind", "float32[12, 4]")
    judgement = judged(
        run(LOSS, recorded[0], command="train.py --hidden 10"), run(LOSS, recorded[1], command="train.py --hidden 12")
    )
    assert shown(judgement) == [("parameter_kind", "different", True)]


def test_only_the_whole_difference_is_excused():
    sides = [
        run(LOSS, text("exception", message), command=f"train.py --out {out}")
        for out, message in (("one", "one/a"), ("two", "two/b"))
    ]
    assert shown(judged(*sides)) == [("exception", "different", True)]


def test_a_command_with_open_quotes_can_be_judged():
    judgement = judged(run(LOSS, command="python -c 'x"), run(series("loss", [1.0]), command="python y"))
    assert judgement.verdict is Verdict.DIFFERENT


def test_what_was_not_compared_is_handed_on():
    judgement = judged(run(LOSS), trace(process(LOSS, lost_bytes=3)))
    assert "3 bytes" in next(one.reason for one in judgement.not_compared if one.channel == "trace")
