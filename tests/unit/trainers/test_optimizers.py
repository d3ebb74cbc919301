"""The optimizers against their definitions, written out slowly."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainers.common.optimizers.factory import (
    ADAMS,
    OPTIMIZERS,
    OptimizerSettings,
    PruneBase,
    build_optimizer,
    parameter_groups,
)
from trainers.common.optimizers.sinkgd import SinkGD, even_out
from trainers.common.optimizers.spam import Spam, SpamSettings


def build(name, model, **options):
    return build_optimizer(model, OptimizerSettings(name=name, learning_rate=1e-2, weight_decay=0.1, **options))


def spam_over(parameter, **options):
    optimizer = torch.optim.AdamW([parameter], lr=1.0, amsgrad=True)
    return optimizer, Spam(optimizer, SpamSettings(**options))


def filled(value, *, first=1.0, second=1.0):
    """A parameter with a gradient of ``value``, and an optimizer that has moments of it."""
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.full((1,), value)
    optimizer, spam = spam_over(parameter, interval=0)
    optimizer.state[parameter] = {"exp_avg": torch.full((1,), first), "exp_avg_sq": torch.full((1,), second)}
    return parameter, optimizer, spam


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_with_its_defaults(name):
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    built = build(name, model)
    inputs = torch.randn(32, 4)
    targets = inputs.flip(1)
    losses = []
    for _ in range(30):
        loss = (model(inputs) - targets).square().mean()
        loss.backward()
        built.optimizer.step()
        built.optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"'adamx'.*adamwspam"):
        build("adamx", nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"moments.*'sgd'.*adamwspam"):
        build("adamwprune", nn.Linear(1, 1), prune_base=PruneBase(name="sgd"))


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("sgd", "SGD", {"momentum": 0.9}),
        ("adam", "Adam", {"betas": (0.9, 0.999), "amsgrad": False}),
        ("adamw", "AdamW", {"betas": (0.9, 0.999), "amsgrad": False, "weight_decay": 0.0}),
        ("adamwadv", "AdamW", {"amsgrad": True, "weight_decay": 0.0, "initial_lr": 1e-2}),
        ("adamwspam", "AdamW", {"amsgrad": True, "weight_decay": 0.0, "initial_lr": 1e-2}),
        ("adamwprune", "AdamW", {"amsgrad": True, "weight_decay": 0.1, "betas": (0.9, 0.999)}),
        ("sinkgd", "SinkGD", {"iterations": 5}),
    ],
)
def test_groups_hold_what_the_reference_sets(name, kind, expected):
    built = build(name, nn.Linear(2, 2))
    (group,) = built.optimizer.param_groups
    assert type(built.optimizer).__name__ == kind
    assert {key: group[key] for key in expected} == expected
    assert (built.spam is not None) == (name == "adamwspam")
    assert built.clip_hint == (1.0 if name in ("adamwadv", "adamwspam") else None)


@pytest.mark.parametrize("base", ADAMS)
def test_adamwprune_overwrites_the_options_of_its_base(base):
    built = build("adamwprune", nn.Linear(2, 2), prune_base=PruneBase(name=base, betas=(0.8, 0.9), amsgrad=False))
    group = built.optimizer.param_groups[0]
    assert (group["betas"], group["weight_decay"], group["amsgrad"]) == ((0.8, 0.9), 0.1, False)
    assert (built.spam is not None) == (base == "adamwspam")


def test_the_cosine_of_adamwadv_is_over_epochs():
    scheduler = build("adamwadv", nn.Linear(1, 1), epochs=7).scheduler
    assert (scheduler.T_max, scheduler.eta_min) == (7, 1e-6)


class Tied(nn.Module):
    """An embedding and an output layer that share their weights, and a norm."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(3, 2)
        self.norm = nn.LayerNorm(2)
        self.gate = nn.Parameter(torch.ones(()))
        self.head = nn.Linear(2, 3, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.gate * self.head(self.norm(self.table(x)))


def test_a_bare_model_does_not_decay():
    (group,) = parameter_groups(Tied(), weight_decay=0.1)
    assert (len(group["params"]), group["weight_decay"]) == (4, 0.0)


def test_a_wrapped_model_decays_and_lists_shared_matrices_twice(monkeypatch):
    # the wrapper itself needs a process group; what matters is what it is
    model = Tied()
    monkeypatch.setattr("trainers.common.optimizers.factory.DistributedDataParallel", Tied)
    matrices, others = parameter_groups(model, weight_decay=0.1)
    assert [id(one) for one in matrices["params"]] == [id(model.gate), *[id(model.table.weight)] * 2]
    assert (matrices["weight_decay"], others["weight_decay"], len(others["params"])) == (0.1, 0.0, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="duplicate"):
            build("adamw", model)


@given(
    weights=st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3),
    gradients=st.lists(st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3), min_size=1, max_size=6),
    amsgrad=st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_adamw_is_what_the_table_says(weights, gradients, amsgrad):
    rate, decay, b1, b2 = 0.1, 0.1, 0.9, 0.999
    parameter = nn.Parameter(torch.tensor(weights, dtype=torch.float64))
    model = nn.ParameterList([parameter])
    base = PruneBase(betas=(b1, b2), weight_decay=decay, amsgrad=amsgrad)
    optimizer = build_optimizer(
        model, OptimizerSettings(name="adamwprune", learning_rate=rate, weight_decay=0.0, prune_base=base)
    ).optimizer
    w, m, v, largest = np.array(weights), np.zeros(3), np.zeros(3), np.zeros(3)
    for t, gradient in enumerate(gradients, start=1):
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        g = np.array(gradient)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        largest = np.maximum(largest, v)
        used = largest if amsgrad else v
        w = w * (1 - rate * decay) - rate * (m / (1 - b1**t)) / (np.sqrt(used / (1 - b2**t)) + 1e-8)
    np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("interval", "resets"),
    # the counter advances twice per update
    [(6, [2, 5, 8]), (3, [2, 5, 8]), (4, [1, 3, 5, 7, 9]), (1, list(range(10))), (0, [])],
)
def test_spam_resets(interval, resets):
    parameter = nn.Parameter(torch.zeros(1))
    optimizer, spam = spam_over(parameter, interval=interval, warmup_steps=0)
    seen = []
    for update in range(10):
        parameter.grad = torch.ones(1)
        spam.condition_gradients()
        optimizer.state[parameter] = {
            "exp_avg": torch.ones(1),
            "exp_avg_sq": torch.ones(1),
            "max_exp_avg_sq": torch.ones(1),
        }
        spam.reset_when_due()
        state = optimizer.state[parameter]
        assert state["max_exp_avg_sq"].item() == 1.0  # kept, as in the reference
        if state["exp_avg"].item() == state["exp_avg_sq"].item() == 0.0:
            seen.append(update)
    assert seen == resets


def test_an_odd_interval_resets_every_interval_updates():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer, spam = spam_over(parameter, interval=5, warmup_steps=4)
    rates = []
    for _ in range(12):
        parameter.grad = torch.ones(1)
        optimizer.param_groups[0]["lr"] = 1.0
        spam.condition_gradients()
        spam.reset_when_due()
        rates.append(optimizer.param_groups[0]["lr"])
    # reset at counter 10 and 20; four calls of warm-up are two updates: t = 0, then t = 1/2
    assert rates == pytest.approx([1, 1, 1, 1, 1e-3, 0.5, 1, 1, 1, 1e-3, 0.5, 1])


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=130))
@settings(deadline=None, max_examples=60)
def test_spikes_are_those_of_the_definition(norms):
    parameter, optimizer, spam = filled(1.0)
    expected, factor = [], 1.0
    seen = []
    for index, norm in enumerate(norms):
        parameter.grad = torch.full((1,), norm, dtype=torch.float32)
        seen.append(parameter.grad.item())
        spam.condition_gradients()
        previous = np.array(seen[max(0, index - 99) : index])
        if len(previous) >= 9 and previous.std() > 0 and (seen[-1] - previous.mean()) / previous.std() > 2:
            expected.append(index + 1)
            factor *= 0.5
    assert spam.spikes == expected
    assert optimizer.state[parameter]["exp_avg"].item() == pytest.approx(factor)
    assert optimizer.state[parameter]["exp_avg_sq"].item() == pytest.approx(0.9 ** len(expected), rel=1e-4)


def test_a_norm_that_is_not_finite_is_neither_counted_nor_judged():
    parameter, _, spam = filled(1.0)
    for norm in (1.0, math.nan, math.inf, 2.0):
        parameter.grad = torch.full((1,), norm)
        spam.condition_gradients()
    assert (spam.counter, spam.state_dict()["norms"]) == (4, [1.0, 2.0])


@given(gradient=st.floats(-10, 10, width=32), second=st.floats(0, 4, width=32), theta=st.sampled_from([0.5, 1.0, 50.0]))
@settings(deadline=None)
def test_elements_are_clipped_to_the_limit(gradient, second, theta):
    parameter, optimizer, _ = filled(gradient, second=second)
    Spam(optimizer, SpamSettings(theta=theta, interval=0, clips_elements=True)).condition_gradients()
    limit = math.sqrt(theta * (second + 1e-12))
    assert parameter.grad.item() == pytest.approx(max(-limit, min(limit, gradient)), rel=1e-5, abs=1e-9)
    if abs(gradient) < 0.99 * limit:
        assert parameter.grad.item() == np.float32(gradient)  # untouched, to the bit


def test_spam_round_trips_through_its_state_dict():
    parameter = nn.Parameter(torch.zeros(1))
    sides = []
    for restart in (None, 17):
        optimizer, spam = spam_over(parameter, interval=8, warmup_steps=6)
        optimizer.state[parameter] = {"exp_avg": torch.ones(1), "exp_avg_sq": torch.ones(1)}
        rates = []
        for update in range(40):
            if update == restart:
                state = spam.state_dict()
                spam = Spam(optimizer, spam.settings)
                spam.load_state_dict(state)
            optimizer.param_groups[0]["lr"] = 1.0
            parameter.grad = torch.full((1,), 1 + 0.1 * (update % 3) + 5 * (update % 13 == 12))
            spam.condition_gradients()
            spam.reset_when_due()
            rates.append(optimizer.param_groups[0]["lr"])
        sides.append((rates, spam.state_dict(), optimizer.state[parameter]["exp_avg"].item()))
    assert sides[0] == sides[1]
    assert sides[0][1]["spikes"]
    assert min(sides[0][0]) == 1e-3


def slow_even_out(matrix, iterations, temperature):
    rows, columns = matrix.shape
    size = math.sqrt(sum(x * x for x in matrix.flat) / matrix.size)
    for _ in range(iterations):
        matrix = np.array([[x / (sum(abs(y) for y in row) + 1e-8) for x in row] for row in matrix])
        totals = [sum(abs(matrix[i, j]) for i in range(rows)) + 1e-8 for j in range(columns)]
        even = [[matrix[i, j] / totals[j] for j in range(columns)] for i in range(rows)]
        matrix = np.array([[math.tanh(x / temperature) for x in row] for row in even])
    return matrix * size / (math.sqrt(sum(x * x for x in matrix.flat) / matrix.size) + 1e-8)


@given(
    values=st.lists(st.floats(-3, 3), min_size=6, max_size=6),
    iterations=st.integers(0, 3),
    temperature=st.floats(0.05, 2),
)
@settings(deadline=None, max_examples=50)
def test_sinkgd_is_its_definition(values, iterations, temperature):
    gradient = torch.tensor(values, dtype=torch.float64).view(2, 3)
    found = even_out(gradient, iterations=iterations, temperature=temperature)
    np.testing.assert_allclose(
        found.numpy(), slow_even_out(gradient.numpy(), iterations, temperature), rtol=1e-6, atol=1e-9
    )
    total = sum(abs(value) for value in values) + 1e-8
    flat = even_out(gradient.flatten(), iterations=iterations, temperature=temperature)
    np.testing.assert_allclose(flat.numpy(), [math.tanh(value / total / temperature) for value in values], rtol=1e-9)


def test_sinkgd_decays_apart_from_the_gradient_and_survives_a_round_trip():
    parameter = nn.Parameter(torch.tensor([2.0, -1.0]))
    optimizer = SinkGD([parameter], lr=0.5, weight_decay=0.1)
    parameter.grad = torch.zeros(2)
    optimizer.step()
    assert parameter.tolist() == pytest.approx([1.9, -0.95])
    other = SinkGD([parameter], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr"] == 0.5
    assert other.param_groups[0]["weight_decay"] == 0.1
    for wrong in ({"lr": -1.0}, {"temperature": 0.0}, {"iterations": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SinkGD([parameter], **wrong)
    assert SinkGD([parameter]).step(lambda: 3.0) == 3.0
