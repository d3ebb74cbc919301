"""The replaced parts of GPT-2 against their definitions: reciprocal attention and MLP, pruned values, steps, alarms."""

import math
from statistics import pvariance

import pytest
import torch
from torch.nn import functional

from tests.matrix.combinations import STEPS
from trainers.gpt2.activation import (
    CalmLoss,
    Delay,
    gate_statistics,
    put_to_sleep,
    reciprocal_gates,
    wake_up,
)
from trainers.gpt2.architecture import Architecture
from trainers.gpt2.kv_geometry import KVGeometry, _bend, _unbend
from trainers.gpt2.kv_pruning import KVPruningAttention
from trainers.gpt2.model import GPT2, CausalSelfAttention
from trainers.gpt2.reciprocal_attention import UnifiedRAttention
from trainers.gpt2.reciprocal_mlp import ReciprocalMLP
from trainers.gpt2.step import StepSizes
from trainers.gpt2.steps import apply_step, find_step, steps

SHAPE = Architecture(block_size=12, vocab_size=11, n_layer=2, n_head=2, n_embd=32, dropout=0.0, bias=True)
SIZES = StepSizes(
    low_size=24,
    large_low_size=96,
    kept_positions=4,
    recent_positions=3,
    latent_channels=8,
    delay=5,
    narrow=10,
    walk_neighbours=4,
    walk_window=5,
)
ALL_STEPS = list(STEPS)


def stepped(name, *, seed=0):
    torch.manual_seed(seed)
    model = GPT2(SHAPE)
    apply_step(model, find_step(name, SIZES, block_size=SHAPE.block_size))
    return model


def slow_reciprocal(layer, x):
    """Scores pair by pair, as in the formula."""
    (_, length, width), size, cut = x.shape, layer.head_size, layer.head_size - layer.rank
    fused = x @ layer.c_attn.weight.T
    outputs = torch.zeros_like(x)
    for head in range(layer.heads):
        at = slice(head * size, (head + 1) * size)
        query, key, value = (fused[0, :, part * width : (part + 1) * width][:, at] for part in range(3))
        std, rec = (gate.expand(layer.heads)[head].clamp(min=1e-8) for gate in (layer.w_std, layer.w_rec))
        for i in range(length):
            scores = [
                (std * query[i, :cut] @ key[j, :cut] + rec * query[i, cut:] @ key[j, cut:]) / math.sqrt(size)
                for j in range(i + 1)
            ]
            mixed = torch.softmax(torch.stack(scores), 0) @ value[: i + 1]
            if layer.alpha is not None:
                share = layer.alpha[head].clamp(0, 0.5)
                mixed = (1 - share) * mixed + share * value[i]
            outputs[0, i, at] = mixed
    return layer.c_proj(outputs)


@pytest.mark.parametrize("rank", [2, 4, 8])
@pytest.mark.parametrize("per_head_gates", [False, True])
@pytest.mark.parametrize("alpha", [None, 0.05, -1.0, 0.9])
def test_reciprocal_attention_is_its_formula(rank, per_head_gates, alpha):
    torch.manual_seed(1)
    layer = UnifiedRAttention(SHAPE, rank=rank, per_head_gates=per_head_gates, self_restart=alpha is not None)
    x = torch.randn(1, 6, 32)
    layer(x)  # draws the weights
    with torch.no_grad():
        layer.w_rec.fill_(0.4)
        if alpha is not None:
            layer.alpha.fill_(alpha)
    torch.testing.assert_close(layer(x), slow_reciprocal(layer, x), rtol=1e-4, atol=1e-5)
    assert layer.w_std.shape == ((2,) if per_head_gates else ())


def test_a_closed_gate_still_counts_a_little():
    torch.manual_seed(1)
    layer = UnifiedRAttention(SHAPE, rank=4)
    x = torch.randn(1, 6, 32)
    layer(x)
    layer.w_rec.data.zero_()
    closed = layer(x)
    layer.w_rec.data.fill_(1e-8)
    assert torch.equal(layer(x), closed)


@pytest.mark.parametrize("make", [lambda: UnifiedRAttention(SHAPE, rank=4), lambda: ReciprocalMLP(SHAPE, low_size=24)])
def test_weights_are_drawn_at_the_first_forward_unless_they_were_loaded(make):
    torch.manual_seed(3)
    layer = make()
    before = [matrix.detach().clone() for matrix in layer.matrices()]
    x = torch.randn(1, 4, 32)
    torch.manual_seed(4)
    layer(x)
    position = torch.get_rng_state()
    torch.manual_seed(4)
    for matrix, old in zip(layer.matrices(), before, strict=True):
        assert not torch.equal(matrix, old)
        assert torch.equal(matrix, torch.nn.init.xavier_uniform_(torch.empty_like(matrix)))
    assert torch.equal(torch.get_rng_state(), position)
    layer(x)
    assert torch.equal(torch.get_rng_state(), position)  # once
    other = make()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize("has_mixer", [False, True])
@pytest.mark.parametrize("has_gate", [False, True])
def test_the_reciprocal_mlp_is_its_formula(has_mixer, has_gate):
    torch.manual_seed(1)
    layer = ReciprocalMLP(SHAPE, low_size=24, has_mixer=has_mixer, has_gate=has_gate)
    x = torch.randn(2, 3, 32)
    found = layer(x)
    low = functional.gelu(x @ layer.up_low.weight.T)
    low = low @ layer.mixer.weight.T if has_mixer else low
    hidden = torch.cat(
        (0.9 * functional.gelu(x @ layer.up_std.weight.T), 0.1 * (0.1 if has_gate else 1.0) * low), dim=-1
    )
    torch.testing.assert_close(found, hidden @ layer.down.weight.T, rtol=1e-4, atol=1e-6)
    assert not any(name.endswith("bias") for name, _ in layer.named_parameters())
    assert hidden.size(-1) == 4 * 32


def pruned(*, keep, recent):
    torch.manual_seed(2)
    attention = CausalSelfAttention(SHAPE)
    return attention, KVPruningAttention(attention, block_size=12, keep=keep, recent=recent)


def test_pruning_nothing_is_plain_attention():
    attention, layer = pruned(keep=12, recent=3)
    x = torch.randn(2, 12, 32)
    for _ in range(2):
        torch.testing.assert_close(layer(x), attention(x), rtol=1e-5, atol=1e-6)


def slow_weights(layer, x):
    fused = layer.c_attn(x)
    query, key, value = (part.view(*x.shape[:2], 2, 16).transpose(1, 2) for part in fused.split(32, dim=2))
    scores = query @ key.transpose(2, 3) / 4
    return torch.softmax(scores + torch.full((12, 12), float("-inf")).triu(1), dim=-1), value


def test_the_least_important_values_are_dropped():
    _, layer = pruned(keep=5, recent=3)
    x = torch.randn(2, 12, 32)
    received = slow_weights(layer, x)[0].mean(0).sum(1) / torch.arange(12, 0, -1)
    layer(x)  # the first call prunes nothing, as there is no importance yet
    torch.testing.assert_close(layer.importance, received)
    weights, value = slow_weights(layer, x)
    for head in range(2):
        best = sorted(range(9), key=lambda j, head=head: -received[head, j].item())[:2]
        dropped = [j for j in range(9) if j not in best]
        weights[:, head, :, dropped] = 0.0
    expected = layer.c_proj((weights @ value).transpose(1, 2).reshape(2, 12, 32))
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-6)


def bent(*, latent, seed=0):
    layer = KVGeometry(8, latent=latent)
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(2, 2, 30, 8, generator=generator) * torch.arange(1, 9) + 5
    layer(values)  # finds the directions
    with torch.no_grad():
        layer.bend.copy_(torch.randn(8, 6, generator=generator))
    return layer, values


def slow_spline(layer, channel, x):
    """One value through one channel's spline: segment by segment from its lower end."""
    slopes = functional.softplus(layer.bend[channel].detach().double() + math.log(math.e - 1)).tolist()
    height = -3.0
    for number, slope in enumerate(slopes):
        if x < -3 + (number + 1) or number == 5:
            return height + slope * (x - (-3 + number))
        height += slope
    raise AssertionError


def test_values_of_all_directions_are_restored_through_any_spline():
    layer, values = bent(latent=8)
    torch.testing.assert_close(layer(values), values, rtol=1e-4, atol=1e-3)


def test_values_are_cut_to_the_principal_directions():
    layer, values = bent(latent=3)
    with torch.no_grad():
        layer.bend.zero_()
    flat = (values.reshape(-1, 8) - values.reshape(-1, 8).mean(0)) / values.reshape(-1, 8).std(0)
    found = (layer(values).reshape(-1, 8) - layer.mean) / layer.deviation
    kept = torch.linalg.svd(flat, full_matrices=False).Vh[:3]
    torch.testing.assert_close(found, flat @ kept.T @ kept, rtol=1e-3, atol=1e-3)
    assert torch.linalg.matrix_rank(found, tol=1e-3) == 3


def test_the_spline_is_its_definition_inside_and_outside_of_its_segments():
    layer, _ = bent(latent=8)
    x = torch.linspace(-5, 5, 41).unsqueeze(-1).expand(-1, 8).reshape(1, 1, 41, 8)
    slopes, heights = layer._spline()
    y = _bend(x, slopes, heights)
    expected = [
        [slow_spline(layer, channel, x[0, 0, place, channel].item()) for channel in range(8)] for place in range(41)
    ]
    torch.testing.assert_close(y[0, 0], torch.tensor(expected), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(_unbend(y, slopes, heights), x, rtol=1e-4, atol=1e-4)


def test_directions_are_those_of_the_first_values_and_are_saved():
    layer, values = bent(latent=3)
    before = layer.basis.clone()
    layer(values * 7)
    assert torch.equal(layer.basis, before)
    other = KVGeometry(8, latent=3)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(values), layer(values))


def test_importance_is_averaged_every_eighth_call_also_in_evaluation():
    _, layer = pruned(keep=5, recent=3)
    layer.eval()
    first, other = torch.randn(1, 12, 32), torch.randn(1, 12, 32)
    layer(first)
    begin = layer.importance.clone()
    for _ in range(7):
        layer(other)
        assert torch.equal(layer.importance, begin)
    layer(other)
    received = slow_weights(layer, other)[0].mean(0).sum(1) / torch.arange(12, 0, -1)
    torch.testing.assert_close(layer.importance, 0.9 * begin + 0.1 * received)


@pytest.mark.parametrize("name", ALL_STEPS)
def test_no_step_sees_the_future(name):
    ids = torch.randint(11, (1, 12), generator=torch.Generator().manual_seed(0))
    changed = ids.clone()
    changed[0, 7] = (changed[0, 7] + 1) % 11
    outputs = []
    for last in (ids, changed):
        model = stepped(name)
        torch.manual_seed(9)
        model(ids)  # weights are drawn, and importance is known
        outputs.append(model(last, last)[0])
    # a sequence may be pruned differently only by what came before it
    torch.testing.assert_close(outputs[0][:, :7], outputs[1][:, :7], rtol=0, atol=0)
    assert not torch.equal(outputs[0][:, 7:], outputs[1][:, 7:])


@pytest.mark.parametrize("name", ALL_STEPS)
def test_every_step_learns(name):
    model = stepped(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    ids = torch.arange(24).view(2, 12) % 11
    losses = []
    for _ in range(12):
        loss = model(ids, (ids + 1) % 11)[1]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.2


def parts(model):
    block = model.transformer.h[0]
    return type(block.attn).__name__, type(block.mlp).__name__


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("V0", "V19"), ("CausalSelfAttention", "MLP")),
        (("V1", "V2", "V7", "V8", "V9", "V10", "V12", "V16"), ("UnifiedRAttention", "MLP")),
        (("V3", "V4", "V5", "V6"), ("UnifiedRAttention", "ReciprocalMLP")),
        (("V11", "V13"), ("CausalSelfAttention", "ReciprocalMLP")),
        (("V14", "V15", "V17", "V18"), ("KVPruningAttention", "ReciprocalMLP")),
        (("C1", "C2", "C3"), ("KVPruningAttention", "MLP")),
    ],
)
def test_steps_replace_what_they_say(names, expected):
    assert {parts(stepped(name)) for name in names} == {expected}


def test_parameter_counts_of_steps():
    plain = stepped("V0").parameter_count()
    # per layer: no bias of the fused projection, two gates; self-restart adds one share per head
    expected = {"V1": 2 * (2 - 96), "V2": 2 * (2 - 96 + 2), "V10": 2 * (2 - 96 + 2), "V19": 0}
    # no biases of the MLP, two gates; a mixer; a gate
    mlp = 2 * (2 - 128 - 32)
    expected |= {"V11": mlp, "V13": mlp, "V14": mlp, "V3": mlp + expected["V1"]}
    expected |= {"V4": expected["V3"] + 2 * 24 * 24, "V5": expected["V3"] + 2, "V6": expected["V3"] + 2 * 24 * 24 + 2}
    # a slope for each of six segments of the channels of a head
    expected |= dict.fromkeys(("C1", "C2", "C3"), 2 * 16 * 6)
    assert {name: stepped(name).parameter_count() - plain for name in expected} == expected


def test_the_table_of_steps():
    table = steps(StepSizes(), block_size=1024)
    assert list(table) == ALL_STEPS
    assert [name for name in ALL_STEPS if table[name].delay == 75] == ["V11", "V12", "V13", "V14", "V15"]
    assert [name for name in ALL_STEPS if table[name].waits_for_calm] == ["V16", "V17", "V18"]
    assert {name: table[name].kept_positions for name in ("V14", "V15", "V17", "V18")} == dict.fromkeys(
        ("V14", "V15", "V17", "V18"), 391
    )
    assert {table[name].low_size for name in ("V13", "V15", "V18")} == {1152}
    assert [table[name].latent_channels for name in ("C1", "C2", "C3", "V14")] == [32, 16, 8, None]
    assert {table[name].kept_positions for name in ("C1", "C2", "C3")} == {391}
    assert [table[name].rank for name in ("V1", "V7", "V9")] == [4, 8, 2]
    for name in ("V20", "C4", "19", "L8", "S4", "R4", "v1", ""):
        with pytest.raises(ValueError, match=rf"step is '{name}', expected one of V0, .*V19, C1, C2, C3, 0, 1, .*R3"):
            find_step(name, StepSizes(), block_size=1024)


def test_gates_sleep_and_wake():
    model = stepped("V3")
    gates = reciprocal_gates(model)
    assert len(gates) == 4  # attention and MLP of two layers
    put_to_sleep(gates)
    assert all(gate.item() == 0 and not gate.requires_grad for gate in gates)
    wake_up(gates)
    assert all(gate.item() == pytest.approx(0.1) and gate.requires_grad for gate in gates)


def test_alarms():
    delay = Delay(iteration=75)
    assert [iteration for iteration in range(100) if delay.rings(iteration)] == [75]
    options = {"start": 20, "interval": 10, "window": 15, "threshold": 0.02}
    noisy = [(-1) ** step * (1.0 if step < 30 else 0.1) for step in range(100)]
    rung = []
    alarm = CalmLoss(**options)
    for iteration, loss in enumerate(noisy):
        if alarm.rings(iteration):
            rung.append(iteration)
        alarm.hear(loss)
        if iteration == 25:
            state = alarm.state_dict()
            alarm = CalmLoss(**options)
            alarm.load_state_dict(state)
    calm = [step for step in range(20, 100, 10) if pvariance(noisy[step - 15 : step]) < 0.02]
    assert rung == calm[:1] == [50]  # once


def test_gate_statistics():
    found = gate_statistics(stepped("V2"))
    assert list(found) == ["attention_alpha", "attention_w_rec", "attention_w_std"]
    assert found["attention_w_rec"]["mean"] == pytest.approx(0.1)
    model = stepped("V5")
    model.transformer.h[0].mlp.w_rec.data.fill_(0.3)
    summary = gate_statistics(model)["mlp_w_rec"]
    assert (summary["min"], summary["max"]) == (pytest.approx(0.1), pytest.approx(0.3))
    assert summary["std"] == pytest.approx(math.sqrt(2) / 10)
    assert math.isnan(gate_statistics(UnifiedRAttention(SHAPE, rank=2))["attention_w_std"]["std"])
