"""Ramps, scores, masks and pruners against their definitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainers.common.pruning.masks import apply_masks, linear_weights, smallest_scores_threshold
from trainers.common.pruning.pruner import MagnitudePruner, MovementPruner
from trainers.common.pruning.ramp import Ramp
from trainers.common.pruning.scores import VARIANTS, Moments
from trainers.common.pruning.state import StatePruner

E = 1e-8
DEFINITIONS = {
    "bitter0": lambda w, m, v, t: abs(w * m) * abs(w) / (math.sqrt(v) + E),
    "bitter1": lambda w, m, v, t: abs(w),
    "bitter2": lambda w, m, v, t: abs(w),
    "bitter3": lambda w, m, v, t: abs(w) * math.sqrt(abs(m) + E),
    "bitter4": lambda w, m, v, t: abs(w) * math.sqrt(abs(m) + E),
    "bitter5": lambda w, m, v, t: np.sign(w) * m / (math.sqrt(v) + E) + 0.1 * abs(w),
    "bitter6": lambda w, m, v, t: abs(w) * math.sqrt(abs(m) + E) * math.sqrt(m * m / (v + E)),
    "bitter7": lambda w, m, v, t: abs(w) * (abs(v) + E) ** 0.25,
    "bitter8": lambda w, m, v, t: abs(w) * math.sqrt(abs(m / (1 - 0.9**t + E)) + E),
    "bitter9": lambda w, m, v, t: abs(w) * math.sqrt(abs(m) + E) + 0.1 * np.sign(w) * m / (math.sqrt(v) + E),
}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 5), nn.Linear(5, 4))


def train(model, optimizer, pruner, updates, *, first=0):
    generator = torch.Generator().manual_seed(first)
    for step in range(first, first + updates):
        model(torch.randn(16, 6, generator=generator)).square().mean().backward()
        pruner.mask_gradients()
        optimizer.step()
        optimizer.zero_grad()
        pruner.update(step)


def state_pruner(model, optimizer, variant="bitter0", **options):
    return StatePruner(
        model, optimizer, **{"variant": variant, "target": 0.5, "start": 2, "end": 12, "frequency": 3, **options}
    )


def share_of_zeros(model):
    weights = linear_weights(model).values()
    return sum(int((weight == 0).sum()) for weight in weights) / sum(weight.numel() for weight in weights)


@given(
    target=st.floats(0, 0.95),
    start=st.integers(0, 50),
    length=st.integers(0, 50),
    power=st.sampled_from([1, 3]),
    step=st.integers(0, 150),
)
def test_ramps(target, start, length, power, step):
    found = Ramp(target=target, start=start, end=start + length, power=power)(step)
    if step <= start:
        assert found == 0.0
    elif step >= start + length:
        assert found == target
    else:
        assert found == pytest.approx(target * ((step - start) / length) ** power)


@pytest.mark.parametrize("variant", VARIANTS)
@given(
    w=st.floats(-2, 2),
    m=st.floats(-1, 1),
    v=st.floats(0, 1),
    t=st.integers(1, 1000),
)
@settings(deadline=None, max_examples=40)
def test_scores_are_those_of_the_table(variant, w, m, v, t):
    first, second = torch.tensor([m], dtype=torch.float64), torch.tensor([v], dtype=torch.float64)
    moments = Moments(first=first, second=second, updates=t, beta1=0.9)
    (found,) = VARIANTS[variant](torch.tensor([w], dtype=torch.float64), moments).tolist()
    assert found == pytest.approx(DEFINITIONS[variant](w, m, v, t), rel=1e-9, abs=1e-15)


def test_every_variant_is_defined_here():
    assert VARIANTS.keys() == DEFINITIONS.keys() == {f"bitter{number}" for number in range(10)}


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=40), st.floats(0, 0.999))
def test_the_threshold_is_the_kth_smallest_score(scores, sparsity):
    count = int(sparsity * len(scores))
    cut = len(scores) // 2
    parts = [torch.tensor(part) for part in (scores[:cut], scores[cut:])]
    found = smallest_scores_threshold(parts, sparsity)
    assert (found is None) if count == 0 else found.item() == sorted(scores)[count - 1]


@pytest.mark.parametrize("pruner_type", [MagnitudePruner, MovementPruner])
def test_weight_pruners_follow_their_ramp_and_their_score(pruner_type):
    model = network()
    initial = {name: weight.detach().clone() for name, weight in linear_weights(model).items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    pruner = pruner_type(model, target=0.6, start=3, end=13)
    power = 3 if pruner_type is MagnitudePruner else 1
    total = sum(weight.numel() for weight in initial.values())
    for step in range(20):
        before = pruner.sparsity()
        train(model, optimizer, pruner, 1, first=step)
        wanted = 0.6 * min(1.0, max(0.0, (step - 3) / 10)) ** power
        # ties at zero may remove more than asked for, never less
        assert pruner.sparsity() >= int(wanted * total) / total - 1e-12
        assert step > 3 or before == pruner.sparsity() == 0.0
    if pruner_type is MagnitudePruner:
        assert pruner.sparsity() == pytest.approx(0.6, abs=0.02)
    assert share_of_zeros(model) == pytest.approx(pruner.sparsity())


def test_magnitude_keeps_the_largest_weights():
    model = nn.Linear(4, 1, bias=False)
    model.weight.data = torch.tensor([[0.1, -3.0, 2.0, -0.2]])
    MagnitudePruner(model, target=0.5, start=0, end=1).update(5)
    assert model.weight.tolist() == [[0.0, -3.0, 2.0, -0.0]]


def test_movement_keeps_the_weights_that_grow():
    model = nn.Linear(4, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, -1.0, 1.0, -1.0]])
    pruner = MovementPruner(model, target=0.5, start=0, end=1)
    model.weight.data = torch.tensor([[1.1, -0.5, 0.4, -1.2]])
    pruner.update(5)
    assert model.weight.tolist() == [[pytest.approx(1.1), -0.0, 0.0, pytest.approx(-1.2)]]


@pytest.mark.parametrize("variant", VARIANTS)
def test_state_pruning_reaches_its_target(variant):
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    pruner = state_pruner(model, optimizer, variant)
    train(model, optimizer, pruner, 3)
    assert pruner.sparsity() == 0.0  # step 2 is the last of the warm-up
    train(model, optimizer, pruner, 1, first=3)
    if variant not in ("bitter4", "bitter5", "bitter9"):
        total = sum(weight.numel() for weight in linear_weights(model).values())
        assert pruner.sparsity() == pytest.approx(int(0.5 * 0.1**3 * total) / total)
    train(model, optimizer, pruner, 16, first=4)
    if variant in ("bitter5", "bitter9"):
        assert pruner.sparsity() > 0.49  # signed scores overshoot
    elif variant == "bitter4":
        removed = sum(int(0.5 * (0.7 + 0.6 * index / 2) * size) for index, size in enumerate((48, 40, 20)))
        assert pruner.sparsity() == pytest.approx(removed / 108)
    else:
        assert pruner.sparsity() == pytest.approx(0.5, abs=0.03)
    assert share_of_zeros(model) == pytest.approx(pruner.sparsity())


def test_masks_change_at_the_cadence_only_and_hold_moments_and_gradients_down():
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    pruner = state_pruner(model, optimizer)
    seen = []
    for step in range(16):
        train(model, optimizer, pruner, 1, first=step)
        seen.append(pruner.sparsity())
        for weight in linear_weights(model).values():
            for moment in ("exp_avg", "exp_avg_sq"):
                assert not optimizer.state[weight][moment][weight == 0].any()
    assert [step for step in range(1, 16) if seen[step] != seen[step - 1]] == [6, 9, 12]
    model(torch.ones(1, 6)).sum().backward()
    pruner.mask_gradients()
    assert all(not weight.grad[weight == 0].any() for weight in linear_weights(model).values())


def test_bitter4_removes_less_from_the_first_layers():
    model = nn.Sequential(*(nn.Linear(20, 20, bias=False) for _ in range(3)))
    optimizer = torch.optim.AdamW(model.parameters())
    pruner = state_pruner(model, optimizer, "bitter4", target=0.8, start=0, end=1, frequency=1)
    pruner.update(1)
    shares = [(weight == 0).float().mean().item() for weight in linear_weights(model).values()]
    # 0.8 * 1.3 is capped
    assert shares == pytest.approx([int(share * 400) / 400 for share in (0.8 * 0.7, 0.8, 0.95)])


def test_without_moments_the_magnitude_decides():
    model = nn.Linear(4, 1, bias=False)
    model.weight.data = torch.tensor([[0.1, -3.0, 2.0, -0.2]])
    state_pruner(model, torch.optim.AdamW(model.parameters()), "bitter7", start=0, end=1, frequency=1).update(1)
    assert model.weight.tolist() == [[0.0, -3.0, 2.0, -0.0]]


def test_a_tied_output_layer_prunes_the_embedding():
    model = nn.ModuleDict({"table": nn.Embedding(5, 4), "head": nn.Linear(4, 5, bias=False)})
    model["head"].weight = model["table"].weight
    MagnitudePruner(model, target=0.5, start=0, end=1).update(2)
    assert int((model["table"].weight == 0).sum()) == 10


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match=r"'bitter10'.*bitter9"):
        state_pruner(network(), torch.optim.SGD(network().parameters()), "bitter10")


def test_masks_keep_the_sign_of_zero():
    weight = torch.tensor([-1.0, 1.0])
    apply_masks({"a": weight}, {"a": torch.tensor([False, False])})
    assert torch.signbit(weight).tolist() == [True, False]


@pytest.mark.parametrize("kind", ["magnitude", "movement", "state"])
def test_pruners_round_trip_through_their_state_dicts(kind):
    def make(model, optimizer):
        if kind == "state":
            return state_pruner(model, optimizer)
        return (MagnitudePruner if kind == "magnitude" else MovementPruner)(model, target=0.5, start=2, end=12)

    results = []
    for interrupted in (False, True):
        model = network()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        pruner = make(model, optimizer)
        train(model, optimizer, pruner, 8)
        if interrupted:
            state = pruner.state_dict()
            pruner = make(model, optimizer)
            pruner.load_state_dict(state)
        train(model, optimizer, pruner, 8, first=8)
        results.append([parameter.detach().clone() for parameter in model.parameters()])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*results, strict=True))
