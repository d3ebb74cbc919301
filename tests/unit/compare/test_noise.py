import math

import numpy as np
import pytest

from parity.compare.distances import distances, grain, per_update, precision
from parity.compare.engine import compare
from parity.compare.noise import NoisePass
from parity.findings.judge import judge
from parity.findings.model import Verdict
from tests.unit.compare.trace_builder import process, run, series

ULP = 2.0**-23


def noisy(reference, candidate, *perturbed):
    """Judge two runs by the noise of ``perturbed`` ones; every side reproduces itself."""
    ours, theirs = run(*reference), run(*candidate)
    noise = NoisePass(reference=ours, candidate=theirs, perturbed=tuple(run(*one) for one in perturbed))
    return judge(compare(ours, theirs), noise=noise)


def losses(*values):
    return [series("loss", list(values))]


REFERENCE = losses(1.0, 1.0, 1.0, 1.0)
QUIET = losses(1.0, 1.0, 1.0 + 1e-5, 1.0)


@pytest.mark.parametrize(
    ("candidate", "verdict", "leaves"),
    [
        pytest.param(losses(1.0, 1.0, 1.0 + 9e-5, 1.0), Verdict.EQUIVALENT, None, id="inside"),
        pytest.param(losses(1.0, 1.0, 1.0 + 11e-5, 1.0), Verdict.DIFFERENT, 2, id="outside"),
        pytest.param(losses(1.0, 1.0 + 9e-5, 1.0, 1.0), Verdict.DIFFERENT, 1, id="before there is such noise"),
        pytest.param(losses(1.0, 1.0, 1.0, 1.0 + 9e-5), Verdict.EQUIVALENT, None, id="the largest noise so far counts"),
        pytest.param(
            losses(1.0 + 9 * ULP, 1.0, 1.0, 1.0), Verdict.EQUIVALENT, None, id="a few units in the last place"
        ),
        pytest.param(losses(1.0 + 11 * ULP, 1.0, 1.0, 1.0), Verdict.DIFFERENT, 0, id="more units in the last place"),
        pytest.param(losses(1.0, 1.0, math.nan, 1.0), Verdict.DIFFERENT, 2, id="NaN"),
        pytest.param(losses(1.0, 1.0, math.inf, 1.0), Verdict.DIFFERENT, 2, id="infinity"),
    ],
)
def test_a_difference_is_put_against_the_floor_of_its_update(candidate, verdict, leaves):
    judgement = noisy(REFERENCE, candidate, QUIET, REFERENCE)
    assert judgement.verdict is verdict
    (weighing,) = judgement.noise.weighings.values()
    assert weighing.leaves == leaves


def test_a_perturbed_run_that_leaves_the_numbers_excuses_nothing():
    assert noisy(REFERENCE, losses(1.0, 2.0, 1.0, 1.0), losses(1.0, math.nan, math.inf, 1.0)).gating


def test_a_value_that_is_missing_is_no_noise():
    assert noisy(REFERENCE, losses(1.0, 1.0), QUIET).gating


def test_where_training_leaves_the_noise_nothing_of_it_is_cleared():
    """The loss stays inside, and yet it is where the sides part: the gradient that follows does not."""
    ours = [*losses(1.0), series("gradient_norm", [1.0]), series("log_value", [1.0], "a#0")]
    theirs = [*losses(1.0 + 2 * ULP), series("gradient_norm", [1.1]), series("log_value", [1.0 + 2 * ULP], "a#0")]
    judgement = noisy(ours, theirs, ours)
    assert judgement.first_divergence.channel.name == "loss"
    assert judgement.equivalent == ()
    assert judgement.noise.leaves[0].channel.name == "gradient_norm"


def test_what_is_printed_is_judged_by_itself():
    ours = [*losses(1.0), series("log_value", [1.0], "a#0")]
    theirs = [*losses(1.0 + 2 * ULP), series("log_value", [3.0], "a#0")]
    judgement = noisy(ours, theirs, ours)
    assert [one.channel.name for one in judgement.equivalent] == ["loss"]
    assert judgement.first_divergence.channel.name == "log_value"


def test_one_digit_in_the_last_printed_place_is_rounding_and_two_are_not():
    def side(loss, printed):
        return [*losses(loss), series("log_value", [printed], "a#0")]

    ours, nearly = side(1.0, 3.4152), 1.0 + 2 * ULP
    assert noisy(ours, side(nearly, 3.4153), ours).verdict is Verdict.EQUIVALENT
    assert noisy(ours, side(nearly, 3.4154), ours).verdict is Verdict.DIFFERENT


def test_structure_is_never_noise():
    judgement = noisy([*REFERENCE, series("clip_calls", [1])], [*QUIET, series("clip_calls", [2])], QUIET)
    assert {one.channel.name for one in judgement.gating} == {"loss", "clip_calls"}


def test_a_learning_rate_is_rounded_in_float64():
    rates = [[*REFERENCE, series("lr", [rate])] for rate in (0.1, math.nextafter(0.1, 1), 0.1 * (1 + 1e-9))]
    assert noisy(rates[0], rates[1], rates[0]).verdict is Verdict.EQUIVALENT
    assert noisy(rates[0], rates[2], rates[0]).verdict is Verdict.DIFFERENT


def test_a_step_from_equal_inputs_is_judged_by_rounding_whatever_the_noise():
    """Perturbation moves what is clipped by half; the clip of equal gradients may not move by a hundredth."""
    ours, noise = ([series("loss", [1.0]), series("clip_norm", [value])] for value in (1.0, 1.5))
    judgement = noisy(ours, [series("loss", [1.0]), series("clip_norm", [1.01])], noise)
    assert judgement.noise.coarse.channel.name == "clip_norm"
    assert judgement.verdict is Verdict.DIFFERENT
    rounded = noisy(ours, [series("loss", [1.0]), series("clip_norm", [1.0 + 2 * ULP])], noise)
    assert (rounded.noise.coarse, rounded.verdict) == (None, Verdict.EQUIVALENT)


def test_why_noise_was_not_measured_is_handed_on():
    judgement = judge(compare(run(*REFERENCE), run(*QUIET)), noise=NoisePass(omitted="why"))
    assert (judgement.noise.omitted, judgement.verdict) == ("why", Verdict.DIFFERENT)


def grouped(losses, updates, *, samples=(7, 8), draws=0):
    return [
        series("micro_steps", [updates.count(0), updates.count(1)]),
        series("samples", list(samples)),
        series("loss", losses, updates=updates),
        series("rng", list(range(len(losses))), "torch", updates=updates),
        series("rng_consumed", [draws, draws], "training forward"),
        series("train_mode", [1] * len(losses), updates=updates),
    ]


FOUR = grouped([0.25, 0.75, 0.5, 0.5], [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        pytest.param(grouped([1.0, 1.0], [0, 1]), Verdict.EQUIVALENT, id="merged"),
        pytest.param(grouped([0.75, 0.25, 0.5, 0.5], [0, 0, 1, 1]), Verdict.DIFFERENT, id="no other grouping"),
        pytest.param(grouped([1.0, 1.5], [0, 1]), Verdict.DIFFERENT, id="another loss"),
        pytest.param(grouped([1.0, 1.0], [0, 1], samples=(7, 9)), Verdict.DIFFERENT, id="other samples"),
        pytest.param(grouped([1.0, 1.0], [0, 1], draws=1), Verdict.DIFFERENT, id="dropout"),
    ],
)
def test_the_same_samples_in_other_micro_batches(candidate, verdict):
    assert noisy(FOUR, candidate, FOUR).verdict is verdict


def test_distances_are_relative_and_nan_where_nothing_stands_against_them():
    ours = series("loss", [2.0, 0.0, -0.0, 4.0])
    theirs = series("loss", [3.0, 1.0, 0.0])
    found = distances(process(ours), ours, process(theirs), theirs)
    np.testing.assert_array_equal(found, [0.5, 0.25, 0.0, math.nan])


def test_texts_are_numbers_where_they_can_be():
    ours, theirs = (
        series("checkpoint_value", ["1.0", "a", "b"], "k"),
        series("checkpoint_value", ["2.0", "a", "c"], "k"),
    )
    np.testing.assert_array_equal(distances(process(ours), ours, process(theirs), theirs), [1.0, 0.0, math.inf])


def test_losses_are_summed_over_an_update_and_outputs_averaged():
    for channel, expected in (("loss", [3.0, 5.0]), ("output", [1.5, 5.0])):
        together = per_update(series(channel, [1.0, 2.0, 5.0], updates=[0, 0, 1]))
        assert (together.updates.tolist(), together.values.tolist()) == ([0, 1], expected)
    assert len(per_update(series("loss", []))) == 0


@pytest.mark.parametrize(("values", "expected"), [([3.41, 2.0], [0.01 / 3.41, 0.005]), ([0.0], [0.1])])
def test_the_grain_of_printed_numbers(values, expected):
    np.testing.assert_allclose(grain(series("log_value", values, "a#0")), expected)
    assert grain(series("loss", values)).tolist() == [0.0] * len(values)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(["float32[2]"], ULP), (["float64[2]"], 2.0**-52), (["bfloat16[2]", "float32[2]"], 2.0**-7), ([], ULP)],
)
def test_the_coarsest_parameter_says_what_a_unit_in_the_last_place_is(kinds, expected):
    held = [series("parameter_kind", [kind], str(at), updates=[-1]) for at, kind in enumerate(kinds)]
    assert precision(process(*held)) == expected
