import pytest

from parity.compare.engine import compare
from parity.trace.device_digests import ON_DEVICES
from tests.unit.compare.trace_builder import parameters, process, run, series, shown, trace

LOSS = series("loss", [1.0, 2.0])
DIGEST = series("batch", [7, 8], "0")
TOLD = {"clock": "moves with the updates"}


def skipped(comparison, *channels):
    """What was not compared in ``channels``, or in any, as (channel, name, reason)."""
    return [
        (one.channel, one.name, one.reason)
        for one in comparison.not_compared
        if (not channels or one.channel in channels) and one.reason != "observed on neither side"
    ]


def test_identical_runs_measure_nothing():
    one = run(LOSS, DIGEST, series("config", ["a"], "k", updates=[-1]))
    found = compare(one, one)
    assert found.measurements == ()
    assert skipped(found) == []
    assert {name: (part.series, part.values, part.equal) for name, part in found.coverage.items()} == {
        "config": (1, 1, 1),
        "batch": (1, 2, 2),
        "loss": (1, 2, 2),
    }


def test_measurements_come_in_causal_order():
    ours = run(LOSS, DIGEST, series("config", ["a"], "k", updates=[-1]), series("lr", [0.1, 0.1]))
    theirs = run(
        series("loss", [1.0, 3.0]),
        series("batch", [7, 9], "0"),
        series("config", ["b"], "k", updates=[-1]),
        series("lr", [0.2, 0.1]),
        exit_status=1,
    )
    assert [(channel, update) for channel, _, _, update, _ in shown(compare(ours, theirs).measurements)] == [
        ("config", -1),
        ("lr", 0),
        ("batch", 1),
        ("loss", 1),
        ("exit_status", -1),
    ]


def test_series_on_one_side_only():
    found = compare(run(LOSS, DIGEST), run(LOSS, series("clip_norm", [1.0], updates=[3])))
    assert shown(found.measurements) == [("batch", "0", "missing", 0, 0), ("clip_norm", "", "extra", 3, 0)]
    assert found.coverage["batch"].equal == 0


def test_coverage_counts_what_has_a_counterpart():
    found = compare(run(series("loss", [1.0, 2.0, 3.0])), run(series("loss", [1.0, 9.0])))
    assert (found.coverage["loss"].values, found.coverage["loss"].equal) == (2, 1)


@pytest.mark.parametrize("channel", ["call_site", "config_source", "source_file"])
def test_descriptions_are_no_observations(channel):
    ours, theirs = series(channel, ["here"], "step"), series(channel, ["there"], "step")
    assert compare(run(LOSS, ours), run(LOSS, theirs)).measurements == ()
    assert compare(run(LOSS, ours), run(LOSS)).measurements == compare(run(LOSS), run(LOSS, ours)).measurements == ()


def test_clock_readings_are_not_compared():
    name = "loss {} time {}ms"
    ours = run(series("log_value", [2.5], f"{name}#0"), series("log_value", [12.0], f"{name}#1"))
    theirs = run(series("log_value", [2.5], f"{name}#0"), series("log_value", [13.0], f"{name}#1"))
    found = compare(ours, theirs)
    assert found.measurements == ()
    assert skipped(found) == [("log_value", f"{name}#1", "a clock reading")]
    assert found.coverage["log_value"].values == 1


@pytest.mark.parametrize(("notes", "differs"), [((TOLD, TOLD), True), ((TOLD, {}), False), (({}, TOLD), False)])
def test_clock_readings_are_compared_where_both_sides_read_the_same_clock(notes, differs):
    sides = ({"step {} took {}s#1": 1.0}, {"step {} took {}s#1": 2.0, "{} tokens/s#0": 3.0})
    runs = [
        trace(process(*(series("log_value", [value], name) for name, value in values.items()), notes=(note,)))
        for values, note in zip(sides, notes, strict=True)
    ]
    names = [one.name for one in compare(*runs).measurements]
    assert names == (["step {} took {}s#1", "{} tokens/s#0"] if differs else [])


def test_a_clock_reading_on_the_candidate_only_is_no_difference():
    extra = series("log_value", [12.0], "took {}s#0")
    assert compare(run(LOSS), run(LOSS, extra)).measurements == ()


def test_digests_of_different_algorithms_are_not_compared():
    ours = trace(process(LOSS, DIGEST, digest="xxh3-64"))
    theirs = trace(process(series("loss", [1.0, 3.0]), series("batch", [1, 2], "0"), digest="blake2b-64"))
    found = compare(ours, theirs)
    assert [one.channel.name for one in found.measurements] == ["loss"]
    batch, whole = skipped(found)
    assert batch == ("batch", "0", "the two traces were made with different digest algorithms")
    assert whole == ("trace", "digests", found.blind)
    assert found.blind.startswith("the reference's tensors were digested with xxh3-64, the candidate's with blake2b-64")
    assert found.blind.endswith("install the package xxhash in both interpreters, or in neither, and run again")


def test_digests_of_a_device_are_not_compared_with_those_of_the_host():
    found = compare(trace(process(DIGEST)), trace(process(DIGEST, digest=ON_DEVICES)))
    assert found.blind.endswith("only one of them used CUDA; run both on the same kind of device")
    both = compare(trace(process(DIGEST, digest=ON_DEVICES)), trace(process(DIGEST, digest=ON_DEVICES)))
    assert both.blind == ""
    assert "batch" not in found.coverage


def test_a_rank_that_the_candidate_lacks():
    ours = trace(process(LOSS), process(LOSS, rank=1))
    found = compare(ours, run(LOSS))
    assert [(one.channel.name, one.reference, one.candidate) for one in found.measurements] == [("world_size", 2, 1)]
    assert skipped(found) == [("rank", "1", "the candidate has no such rank")]


def test_a_rank_that_the_reference_lacks():
    found = compare(run(LOSS), trace(process(LOSS), process(LOSS, rank=1)))
    assert [(one.channel.name, one.reference, one.candidate) for one in found.measurements] == [("world_size", 1, 2)]
    assert [(channel, name) for channel, name, _ in skipped(found)] == [("rank", "1")]


def test_ranks_are_compared_with_their_own():
    ours = trace(process(LOSS), process(series("loss", [5.0, 6.0]), rank=1))
    theirs = trace(process(LOSS), process(series("loss", [5.0, 7.0]), rank=1))
    (one,) = compare(ours, theirs).measurements
    assert (one.rank, one.update, one.reference, one.candidate) == (1, 1, 6.0, 7.0)


@pytest.mark.parametrize(("damaged", "side"), [(0, "reference"), (1, "candidate")])
def test_lost_bytes_and_a_missing_end_are_not_compared(damaged, side):
    sides = [run(LOSS), run(LOSS)]
    sides[damaged] = trace(process(LOSS, series("lr", [0.1, 0.1]), sealed=False, lost_bytes=12))
    reasons = skipped(compare(*sides), "trace")
    assert reasons == [
        ("trace", f"{side} rank 0", "12 bytes at the end of rank0.trace are damaged"),
        ("trace", f"{side} rank 0", "it was ended from outside after update 1"),
    ]


def test_channels_on_neither_side_are_named():
    names = {one.channel for one in compare(run(LOSS), run(DIGEST)).not_compared}
    assert {"gradient", "clip_norm", "checkpoint_file"} <= names
    assert not names & {"loss", "batch", "exit_status", "world_size", "exception"}


def test_a_probe_that_was_switched_off_is_named():
    silenced = trace(process(LOSS, notes=[{"probe": "clipping", "error": "TypeError: no", "update": 1}, {"other": 1}]))
    assert skipped(compare(run(LOSS), silenced)) == [
        ("probe", "clipping", "switched off on the candidate: TypeError: no")
    ]


@pytest.mark.parametrize("silenced", ["reference", "candidate"])
def test_what_a_switched_off_probe_did_not_see_is_no_difference(silenced):
    """The recorder failed, not the program: its values are neither missing nor equal, they are not compared."""
    note = {"probe": "clipping", "error": "TypeError", "update": 1, "channels": ["clip_limit", "clip_norm"]}
    whole = run(LOSS, series("clip_limit", [1.0, 1.0]))
    partial = trace(process(LOSS, series("clip_limit", [1.0]), notes=[note]))
    sides = (partial, whole) if silenced == "reference" else (whole, partial)
    assert compare(*sides).measurements == ()


def test_what_was_missing_before_a_probe_was_switched_off_is_missing():
    note = {"probe": "clipping", "error": "TypeError", "update": 1, "channels": ["clip_limit"]}
    found = compare(run(LOSS, series("clip_limit", [1.0, 1.0])), trace(process(LOSS, notes=[note])))
    assert shown(found.measurements) == [("clip_limit", "", "missing", 0, 0)]


@pytest.mark.parametrize(("ours", "theirs"), [(0, 1), (0, None), (0, -9), (1, 2)])
def test_exit_statuses_are_compared(ours, theirs):
    (one,) = compare(run(LOSS, exit_status=ours), run(LOSS, exit_status=theirs)).measurements
    assert (one.channel.name, one.reference, one.candidate) == ("exit_status", str(ours), str(theirs))


def test_a_candidate_that_failed_before_anything_was_recorded():
    ours = run(series("lr", [0.1, 0.1]))
    found = compare(ours, trace(exit_status=1, last_error_line="ImportError: no")).measurements
    assert {one.channel.name: (one.reference, one.candidate) for one in found} == {
        "updates": (2, 0),
        "exit_status": ("0", "1"),
        "exception": (None, "ImportError: no"),
    }


def test_what_a_failed_candidate_did_not_reach_is_not_compared():
    ours = run(series("lr", [0.1] * 4), series("loss", [1.0, 2.0, 3.0, 4.0]), series("clip_norm", [1.0], updates=[0]))
    found = compare(ours, run(series("lr", [0.1] * 2), series("loss", [1.0, 9.0]), exit_status=1))
    assert [(one.channel.name, one.difference.value) for one in found.measurements] == [
        ("clip_norm", "missing"),
        ("loss", "value"),
        ("exit_status", "value"),
    ]
    reason = "the candidate failed before it (exit status 1)"
    assert skipped(found) == [("lr", "", reason), ("loss", "", reason)]


def test_what_a_candidate_left_out_and_went_on_is_missing():
    ours = run(series("lr", [0.1] * 4))
    found = compare(ours, run(series("lr", [0.1] * 2))).measurements
    assert shown(found) == [("lr", "", "missing", 2, 0)]


def test_a_run_that_failed_is_identical_to_itself():
    one = run(LOSS, exit_status=1, last_error_line="usage: train.py CONFIG")
    assert compare(one, one).measurements == ()


def test_micro_steps_are_in_the_order_in_which_they_happen():
    """The loss of the first micro-step comes before the batch of the second."""

    def side(batches, losses):
        return run(series("batch", batches, "0", updates=[0, 0]), series("loss", losses, updates=[0, 0]))

    found = compare(side([1, 2], [1.0, 2.0]), side([1, 9], [8.0, 2.0])).measurements
    assert shown(found) == [("loss", "", "value", 0, 0), ("batch", "0", "value", 0, 1)]


def test_what_is_printed_comes_after_all_that_trains_and_the_end_comes_last():
    def side(value):
        return run(
            series("log_value", [value], "a {}#0", updates=[0]),
            series("lr", [value], updates=[5]),
            series("updates", [int(value)], updates=[5]),
            exit_status=int(value),
        )

    found = compare(side(1.0), side(2.0)).measurements
    assert [one.channel.name for one in found] == ["lr", "log_value", "exit_status", "updates"]


def test_two_runs_that_both_left_nothing_do_not_differ():
    assert compare(trace(), trace()).measurements == ()


def test_renamed_parameters_are_compared_under_both_names():
    def side(name, value):
        return run(
            *parameters({name: 5}), series("gradient", [value], name), series("optimizer_state", [3], f"{name}/exp_avg")
        )

    assert compare(side("fc.weight", 1), side("head.weight", 1)).measurements == ()
    (one,) = compare(side("fc.weight", 1), side("head.weight", 2)).measurements
    assert (one.channel.name, one.name, one.candidate_name) == ("gradient", "fc.weight", "head.weight")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_tied_parameters_may_be_renamed_too(prefix):
    def side(prefix):
        tied = series("tied_storage", [f"{prefix}wte.weight"], f"{prefix}head.weight", updates=[-1])
        return run(*parameters({f"{prefix}wte.weight": 1, f"{prefix}head.weight": 1}), tied)

    assert compare(side(""), side(prefix)).measurements == ()


def test_the_alignment_of_the_first_rank_that_has_one_is_kept():
    ours = trace(process(series("checkpoint_file", [1], "a.pt")), process(LOSS, rank=1))
    theirs = trace(process(series("checkpoint_file", [1], "b.pt")), process(LOSS, rank=1))
    found = compare(ours, theirs)
    assert found.measurements == ()
    assert found.alignment.files == {"a.pt": "b.pt"}
