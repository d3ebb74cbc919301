import pytest

from parity.compare.engine import compare
from parity.findings.judge import judge
from tests.unit.compare.trace_builder import process, run, series, trace


def only(reference, candidate):
    (finding,) = judge(compare(reference, candidate)).findings
    return finding


def gradients(value, names="ab", updates=(0, 1), rank=0):
    return process(*(series("gradient", [value] * len(updates), name, updates=updates) for name in names), rank=rank)


BASE = only(trace(gradients(1)), trace(gradients(2)))


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        pytest.param(trace(gradients(1)), trace(gradients(3)), id="other values"),
        pytest.param(trace(gradients(1, updates=(5, 6))), trace(gradients(2, updates=(5, 6))), id="other updates"),
        pytest.param(trace(gradients(1, "ba")), trace(gradients(2, "ba")), id="other order"),
        pytest.param(
            trace(gradients(1), gradients(1, rank=1)), trace(gradients(2), gradients(2, rank=1)), id="more ranks"
        ),
        pytest.param(trace(gradients(1), command="x"), trace(gradients(2), command="y"), id="other commands"),
    ],
)
def test_the_fingerprint_is_stable(reference, candidate):
    assert only(reference, candidate).id == BASE.id


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        pytest.param(trace(gradients(1, "a")), trace(gradients(2, "a")), id="other names"),
        pytest.param(trace(gradients(1)), trace(process()), id="other kind of difference"),
        pytest.param(
            run(series("parameter", [1], "a"), series("parameter", [1], "b")),
            run(series("parameter", [2], "a"), series("parameter", [2], "b")),
            id="other channel",
        ),
    ],
)
def test_another_finding_has_another_fingerprint(reference, candidate):
    assert only(reference, candidate).id != BASE.id


def test_the_fingerprint_is_frozen():
    """Waivers name findings by it: a change here invalidates all of them."""
    assert BASE.id == "2c14bf33b680"


def test_names_that_no_encoding_knows_have_a_fingerprint():
    name = "out/\udcff.pt"
    sides = [run(series("checkpoint_tensor", [value], f"{name}::a")) for value in (1, 2)]
    assert len(only(*sides).id) == 12


def test_missing_and_extra_under_one_name_differ():
    full, empty = run(series("loss", [1.0])), run()
    assert only(full, empty).id != only(empty, full).id


def test_a_finding_begins_with_its_earliest_measurement():
    ours = run(series("gradient", [1, 1], "a"), series("gradient", [1, 1], "b"))
    theirs = run(series("gradient", [1, 2], "a"), series("gradient", [2, 1], "b"))
    finding = only(ours, theirs)
    assert (finding.update, finding.first.name, finding.names) == (0, "b", ("b", "a"))
    assert finding.phase is finding.channel.phase
