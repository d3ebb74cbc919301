"""Each defect is betrayed by the run that has it, by its own invariant alone; sound programs betray nothing."""

import pytest

from parity.invariants.lint import lint
from parity.invariants.model import State

DRAWS = "evaluation-leaves-random-numbers"

DEFECTS = {
    "zero-rate": ("learning-rate-positive", "update 0: 0.0, expected more than 0"),
    "scheduled-in-loop": ("scheduler-in-step", "update 1: 1 steps ahead"),
    "rounded-away": ("gradient-moves-parameter", "parameter 'mix.bias', update 0: unchanged after 8 updates"),
    "froze-later": ("frozen-stays", "parameter 'mix.bias', update 3: changed to"),
    "unheld": ("trained-by-an-optimizer", "unheld_gradient 'mix.bias', update 0"),
    "stepped-twice": ("one-step-per-gradient", "update 0: 1 parameters stepped again"),
    "untied": ("ties-survive-loading", "head.weight and embedding.weight no longer share"),
    "decay-forgotten": ("weight-decay-applied", "config 'weight_decay', before the first update: 0.1 asked for"),
    "average-forgotten": ("average-follows", "the same in 2 checkpoints"),
    "evaluated-in-train": ("evaluation-in-eval-mode", "update 2: in train() mode, with effect: random numbers drawn"),
    "trained-in-eval": ("training-in-train-mode", "train_mode, update 3: eval() mode, after an evaluation"),
    "shared-generator": (DRAWS, "eval_draws, update 3"),
    "one-loss-twice": ("losses-reported-apart", "the same as train loss"),
    "tokens-forgotten": ("tokens-add-up", "24 printed, expected 48, which every update consumes"),
    "last-micro-loss": ("loss-of-the-whole-update", "the last micro-step alone, times the number of micro-steps"),
    "clipped-scaled": ("clipped-unscaled", "clipped while scaled by 1024.0"),
    "low-precision": ("loss-precise", "loss_dtype, update 0: computed in bfloat16"),
    "not-finite": ("numbers-finite", "loss, update 3: nan, expected a number"),
    "not-cleared": ("gradients-cleared", "carried_gradients, update 1: gradients of 3 parameters"),
    "doubled": ("samples-once", "update 4: batch"),
    "lost": ("samples-all", "update 4: 3 batches served, 2 used"),
    "acausal": ("causal", "the last token changes the output at 5 earlier positions"),
}
ALSO = {"evaluated-in-train": {DRAWS}, "unheld": {"clipped-unscaled"}}
"""What follows from a defect: active dropout draws random numbers; no optimizer, nobody who unscales."""

SOUND = ("sound", "frozen", "froze-cleanly", "retied", "sparse", "masked", "prefetched", "caught-up", "restored")
SOUND += ("teacher", "head-alone")
STRANGE = (
    ("several_optimizers.py", "gan"),
    ("several_optimizers.py", "together"),
    ("several_optimizers.py", "actor-critic"),
    ("steps.py", "lbfgs"),
    ("steps.py", "nested"),
    ("steps.py", "in-backward"),
    ("steps.py", "checkpoint-reentrant"),
    ("precision.py", "plain"),
    ("precision.py", "fused"),
    ("precision.py", "unscaled"),
    ("precision.py", "bf16"),
    ("compiled.py", "module", "eager"),
    ("beside.py", "thread"),
)


UNSHOWN = {"ties-survive-loading", "ranks-see-other-data", "replicas-agree", "loaders-as-configured"}
"""What the sound program cannot show: it has one rank, loads nothing, and asks nothing of a data loader. Of these,
``retied`` shows the first."""


def states(trace):
    return {result.invariant.id: result for result in lint(trace)}


def violated(found):
    return {name for name, result in found.items() if result.state is State.VIOLATED}


@pytest.mark.parametrize("way", DEFECTS)
def test_a_defect_is_betrayed(way, recorded):
    found = states(recorded("laws.py", way, "{out}"))
    invariant, evidence = DEFECTS[way]
    assert violated(found) == {invariant, *ALSO.get(way, ())}
    assert evidence in "\n".join(found[invariant].evidence)


@pytest.mark.parametrize("way", SOUND)
def test_a_sound_training_betrays_nothing(way, recorded):
    assert violated(states(recorded("laws.py", way, "{out}"))) == set()


def test_the_sound_training_holds_all_that_one_rank_can_show(recorded):
    found = states(recorded("laws.py", "sound", "{out}"))
    unknown = {name for name, result in found.items() if result.state is not State.HOLDS}
    assert unknown == UNSHOWN
    assert found["ties-survive-loading"].reasons == ("no weights were loaded into a module",)


@pytest.mark.parametrize(
    ("way", "reason"),
    [("masked", "targets"), ("hooked", "forward hooks"), ("holding", "cannot be copied safely: Model.stream")],
)
def test_causality_is_probed_only_where_it_is_promised_and_safe(way, reason, recorded):
    found = states(recorded("laws.py", way, "{out}"))["causal"]
    assert found.state is State.NOT_COMPARED
    assert reason in found.reasons[0]


@pytest.mark.parametrize("words", STRANGE, ids="-".join)
def test_a_strange_training_betrays_nothing(words, recorded):
    assert violated(states(recorded(*words))) == set()
