"""What was done to a checkpoint: one row per cause, and a harmless change beside it that looks much like it."""

import pytest
import torch

from parity.diagnose.checkpoints.rules import RULES, checkpoint_causes
from tests.unit.checkpoint.states import assign, regroup, renamed, shift, update

MOMENTS = ("exp_avg", "exp_avg_sq")


def swap(candidate):
    moments = candidate["optimizer"]["state"]
    for name in MOMENTS:
        moments[1][name], moments[3][name] = moments[3][name], moments[1][name]


def zero(candidate):
    for moments in candidate["optimizer"]["state"].values():
        moments["exp_avg"].zero_()


def forget(candidate):
    for moments in candidate["optimizer"]["state"].values():
        del moments["exp_avg_sq"]


def stale(candidate):
    for name in candidate["ema"]:
        candidate["ema"][name] = candidate["ema"][name] * 0.5


def average_is_copy(candidate):
    candidate["ema"] = {name: candidate["model"][name].clone() for name in candidate["ema"]}


def adapted(candidate):
    generator = torch.Generator().manual_seed(1)
    for letter in "AB":
        candidate["model"][f"a.lora_{letter}.weight"] = torch.randn(
            *((2, 4) if letter == "A" else (4, 2)), generator=generator
        )


def merged(candidate):
    adapted(candidate)
    first, second = (candidate["model"].pop(f"a.lora_{letter}.weight") for letter in "AB")
    candidate["model"]["a.weight"] += 0.5 * second @ first


def one_key_renamed(candidate):
    candidate["model"]["a.offset"] = candidate["model"].pop("a.bias")


CAUSES = {
    "checkpoint-regrouped": regroup,
    "checkpoint-prefix": renamed,
    "checkpoint-transposed": update("model", "b.weight", lambda one: one.t().contiguous()),
    "checkpoint-permuted-rows": update("model", "b.weight", lambda one: one[[1, 0, 3, 2]]),
    "checkpoint-cast": update("model", "b.weight", torch.Tensor.bfloat16),
    "checkpoint-untied": update("model", "head", torch.clone),
    "checkpoint-moments-swapped": swap,
    "checkpoint-moments-zero": zero,
    "checkpoint-moments-missing": forget,
    "checkpoint-step-shifted": shift,
    "checkpoint-stale-ema": stale,
    "checkpoint-ema-copied": average_is_copy,
    "checkpoint-adapters-merged": (merged, adapted),
    "checkpoint-rename": one_key_renamed,
}


def another_key(candidate):
    del candidate["model"]["a.bias"]
    candidate["model"]["a.offset"] = torch.ones(3, 3)


def spoiled(function):
    """``function`` with one element that does not fit."""

    def change(one):
        made = function(one)
        made[0, 1] += 1
        return made

    return change


def scaled_moments(candidate):
    for moments in candidate["optimizer"]["state"].values():
        for name in MOMENTS:
            moments[name] *= 1.5


def nearly_zero(candidate):
    zero(candidate)
    for moments in candidate["optimizer"]["state"].values():
        moments["exp_avg"][0] = 1e-30


def forget_steps(candidate):
    for moments in candidate["optimizer"]["state"].values():
        del moments["step"]


def half_a_step(candidate):
    for moments in candidate["optimizer"]["state"].values():
        moments["step"] += 0.5


def fresher(candidate):
    for name in candidate["ema"]:
        candidate["ema"][name] = candidate["model"][name] * 0.95


def average_of_other_weights(candidate):
    for name in candidate["ema"]:
        candidate["model"][name] = candidate["model"][name] * 1.25
        candidate["ema"][name] = candidate["ema"][name] * 0.5


def nearly_a_copy(candidate):
    average_is_copy(candidate)
    for one in candidate["ema"].values():
        one.view(-1)[0] += 1e-3


def untie(candidate):
    candidate["model"]["head"] = candidate["model"]["head"].clone()


def without_adapters(candidate):
    adapted(candidate)
    for letter in "AB":
        del candidate["model"][f"a.lora_{letter}.weight"]
    candidate["model"]["a.weight"] += torch.randn(4, 4, generator=torch.Generator().manual_seed(2))


NEAR_MISSES = {
    "checkpoint-regrouped": assign("optimizer", "param_groups", 0, "weight_decay", 0.1),
    "checkpoint-prefix": one_key_renamed,
    "checkpoint-rename": another_key,
    "checkpoint-transposed": update("model", "b.weight", spoiled(lambda one: one.t().contiguous())),
    "checkpoint-permuted-rows": update("model", "b.weight", spoiled(lambda one: one[[1, 0, 3, 2]])),
    "checkpoint-cast": update("model", "b.weight", spoiled(torch.Tensor.bfloat16)),
    "checkpoint-untied": (untie, untie),
    "checkpoint-moments-swapped": scaled_moments,
    "checkpoint-moments-zero": nearly_zero,
    "checkpoint-moments-missing": forget_steps,
    "checkpoint-step-shifted": half_a_step,
    "checkpoint-stale-ema": fresher,
    "checkpoint-ema-copied": nearly_a_copy,
    "checkpoint-adapters-merged": (without_adapters, adapted),
}
MORE_NEAR_MISSES = {
    "columns": ("checkpoint-permuted-rows", update("model", "b.weight", lambda one: one[:, [1, 0, 3, 2]])),
    "symmetric": ("checkpoint-transposed", update("model", "b.weight", lambda one: one + one.t())),
    "zero on both sides": ("checkpoint-moments-zero", (zero, zero)),
    "none on both sides": ("checkpoint-moments-missing", (forget, forget)),
    "another metric": ("checkpoint-step-shifted", assign("best_val_loss", 2.5)),
    "another rate": ("checkpoint-step-shifted", assign("optimizer", "param_groups", 0, "lr", 1.1)),
    "other weights": ("checkpoint-stale-ema", average_of_other_weights),
    "tied on the candidate's side only": ("checkpoint-untied", (lambda _: None, untie)),
    "adapters on both sides": ("checkpoint-adapters-merged", (adapted, adapted)),
}


def compared(both, changes):
    return both(*changes) if isinstance(changes, tuple) else both(changes)


@pytest.mark.parametrize("name", CAUSES)
def test_cause(both, name):
    causes = checkpoint_causes(compared(both, CAUSES[name]))
    assert [cause.id for cause in causes] == [name]
    assert causes[0].evidence
    assert causes[0].explains
    assert causes[0].consequence
    assert causes[0].advice


def test_a_changed_value_has_no_cause(both):
    assert checkpoint_causes(both(update("model", "b.weight", lambda one: one + 1))) == ()
    assert checkpoint_causes(both(lambda _: None)) == ()


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_what_only_looks_like_a_cause_is_none(both, name):
    assert name not in {cause.id for cause in checkpoint_causes(compared(both, NEAR_MISSES[name]))}


@pytest.mark.parametrize("name", MORE_NEAR_MISSES)
def test_another_thing_that_only_looks_like_a_cause(both, name):
    cause, changes = MORE_NEAR_MISSES[name]
    assert cause not in {one.id for one in checkpoint_causes(compared(both, changes))}


def test_adapters_that_only_the_candidate_keeps_apart(both):
    (cause,) = checkpoint_causes(both(adapted, merged))
    assert (cause.id, "weights of the reference" in cause.title) == ("checkpoint-adapters-merged", True)


def test_every_rule_has_a_row_and_every_row_a_near_miss():
    assert len(RULES) == 11
    assert len(CAUSES) >= len(RULES)
    assert NEAR_MISSES.keys() == CAUSES.keys()
