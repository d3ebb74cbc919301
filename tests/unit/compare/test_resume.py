"""Laying a resumed run over the straight one, on traces made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from parity.compare.engine import compare
from parity.compare.resume import Start, beside_contents, find_start, laid_over, last_checkpoint, part_of, saved_keys
from tests.unit.compare.trace_builder import parameters, run, series, shown

WEIGHTS = [10, 11, 12, 13, 14, 15]
"""Content of the only weight after each update; 9 is the initial one."""


def straight(**channels):
    recorded = {"lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "parameter": WEIGHTS, **channels}
    kept = [series(name, values, name="w" if name == "parameter" else "") for name, values in recorded.items()]
    return run(*parameters({"w": 9}), *kept)


def first(updates=3):
    return run(
        *parameters({"w": 9}),
        series("lr", [0.1, 0.2, 0.3][:updates]),
        series("checkpoint_file", [1], "ckpt.pt", updates=[updates - 1]),
        series("checkpoint_kind", ["int"], "ckpt.pt::step", updates=[updates - 1]),
        series("checkpoint_kind", ["float32[4]"], "ckpt.pt::model.w", updates=[updates - 1]),
        series("checkpoint_tensor", [WEIGHTS[updates - 1]], "ckpt.pt::model.w", updates=[updates - 1]),
    )


def resumed(begin=3, weight=None, rates=None):
    """A run that goes on at ``begin``, as it counts itself."""
    content = WEIGHTS[begin - 1] if weight is None else weight
    rates = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6][begin:] if rates is None else rates
    return run(*parameters({"w": content}), series("lr", rates), series("parameter", WEIGHTS[begin:], "w"))


@pytest.mark.parametrize("begin", [1, 2, 3, 5])
def test_weights_tell_where_a_run_goes_on_whatever_the_checkpoint_says(begin):
    assert find_start(straight(), first(), resumed(begin)) == Start(begin, "weights")


def test_weights_of_no_update_leave_the_checkpoint_to_say_where():
    assert find_start(straight(), first(2), resumed(3, weight=9)) == Start(2, "checkpoint")


def test_without_a_checkpoint_the_number_of_updates_says_where():
    alone = run(*parameters({"w": 9}), series("lr", [0.1, 0.2]))
    assert find_start(straight(), alone, resumed(3, weight=9)) == Start(2, "number of updates")


def test_of_equal_weights_those_at_the_checkpoint_are_meant():
    frozen = straight(parameter=[7, 7, 7, 7, 7, 7])
    assert find_start(frozen, first(3), resumed(3, weight=7)).update == 3


@pytest.mark.parametrize("begin", [1, 3, 5])
def test_a_faithful_run_laid_over_the_straight_one_leaves_no_difference(begin):
    comparison = compare(*laid_over(straight(), resumed(begin), Start(begin, "weights")))
    assert comparison.measurements == ()
    assert comparison.coverage["lr"].equal == 6 - begin
    assert comparison.coverage["parameter_initial"].equal == 1


def test_what_is_loaded_is_compared_with_what_the_update_before_left():
    comparison = compare(*laid_over(straight(), resumed(3, weight=9), Start(3, "checkpoint")))
    assert shown(comparison.measurements) == [("parameter_initial", "w", "value", 2, 0)]
    (found,) = comparison.measurements
    assert (found.reference, found.candidate) == (f"{12:016x}", f"{9:016x}")


def test_later_differences_are_placed_as_the_straight_run_counts():
    comparison = compare(*laid_over(straight(), resumed(3, rates=[0.4, 0.5, 0.9]), Start(3, "weights")))
    assert shown(comparison.measurements) == [("lr", "", "value", 5, 0)]


def test_state_of_the_optimizer_is_that_of_the_update_before():
    whole = straight(optimizer_state=[1, 2, 3, 4, 5, 6])
    part = resumed(3)
    extra = (series("optimizer_state_initial", [3], updates=[0]), series("optimizer_state", [4, 5, 6]))
    process = replace(part.processes[0], series={**part.processes[0].series, **{one.key: one for one in extra}})
    comparison = compare(*laid_over(whole, replace(part, processes=(process,)), Start(3, "weights")))
    assert comparison.measurements == ()
    assert comparison.coverage["optimizer_state_initial"].equal == 1


def test_hyper_parameters_observed_when_they_change_are_carried_on():
    whole = run(*parameters({"w": 9}), series("optimizer_group", ["a", "b"], "w", updates=[0, 2]))
    part = run(*parameters({"w": 12}), series("optimizer_group", ["b"], "w", updates=[0]))
    assert compare(*laid_over(whole, part, Start(4, "weights"))).coverage["optimizer_group"].equal == 1


def test_a_tied_parameter_is_looked_up_under_its_owner():
    tie = series("tied_storage", ["w"], "head", updates=[-1])
    whole = run(*parameters({"w": 9, "head": 9}), tie, series("parameter", WEIGHTS, "w"))
    part = run(*parameters({"w": 12, "head": 12}), tie)
    tail, moved = laid_over(whole, part, Start(3, "weights"))
    assert compare(tail, moved).coverage["parameter_initial"].equal == 2


@pytest.mark.parametrize(
    ("updates", "differences"), [([-1], []), ([], []), ([0], [("eval_forwards", "", "extra", 3, 0)])]
)
def test_an_evaluation_before_the_first_update_counts_where_both_made_one(updates, differences):
    whole = run(*parameters({"w": 9}), series("parameter", WEIGHTS, "w"), series("eval_forwards", [1], updates=[2]))
    part = run(*parameters({"w": 12}), series("eval_forwards", [1] * len(updates), updates=updates))
    found = compare(*laid_over(whole, part, Start(3, "weights"))).measurements
    assert [one for one in shown(found) if one[0] == "eval_forwards"] == differences


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("config.data_seed", "config"),
        ("model_args.n_layer", "config"),
        ("rng", "rng"),
        ("optimizer.state.0.exp_avg", "optimizer"),
        ("scheduler.last_epoch", "scheduler"),
        ("scaler.scale", "scaler"),
        ("step", "counter"),
    ],
)
def test_parts_of_a_checkpoint_are_told_apart(key, part):
    assert part_of(key) == part


def test_keys_of_the_last_checkpoint_are_sorted_by_part():
    assert (last_checkpoint(first()), saved_keys(first())) == (2, {"counter": ["step"], "model": ["model.w"]})
    assert last_checkpoint(straight()) is None


def test_contents_of_checkpoints_are_set_aside_and_said_to_be():
    ours, theirs = (run(series("checkpoint_value", [text], "a.pt::x"), series("lr", [0.1])) for text in ("1", "2"))
    comparison = compare(ours, theirs)
    assert len(comparison.measurements) == 1
    aside = beside_contents(comparison)
    assert aside.measurements == ()
    assert "checkpoint_value" in {one.channel for one in aside.not_compared}
    same = compare(ours, ours)
    assert beside_contents(same) is same


def test_traces_keep_their_types():
    tail, _ = laid_over(straight(), resumed(), Start(3, "weights"))
    assert all(one.updates.dtype == np.int64 for one in tail.processes[0].series.values())
