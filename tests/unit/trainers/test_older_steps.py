"""The parts of the older steps against their definitions, position by position: ratios, lenses, random walks."""

import math

import pytest
import torch
from torch.nn import functional

from trainers.gpt2 import ratio
from trainers.gpt2.activation import gate_statistics
from trainers.gpt2.architecture import Architecture
from trainers.gpt2.lens import ContextMLP, LensAttention, LensBlock, LensParts
from trainers.gpt2.model import GPT2, Block, CausalSelfAttention
from trainers.gpt2.older_steps import older_steps
from trainers.gpt2.random_walk import WalkAttention, WalkParts
from trainers.gpt2.ratio import RatioAttention, RatioMLP, RatioParts
from trainers.gpt2.step import StepSizes
from trainers.gpt2.steps import apply_step, find_step

SHAPE = Architecture(block_size=12, vocab_size=11, n_layer=2, n_head=2, n_embd=32, dropout=0.0, bias=True)
SIZES = StepSizes(narrow=10, walk_neighbours=4, walk_window=5)
LENGTH, HEADS, SIZE = 9, 2, 16
PAST = torch.ones(LENGTH, LENGTH).tril().bool()


def draw(make, *, seed=1):
    torch.manual_seed(seed)
    return make(), torch.randn(1, LENGTH, 32)


def stepped(name):
    torch.manual_seed(0)
    model = GPT2(SHAPE)
    apply_step(model, find_step(name, SIZES, block_size=SHAPE.block_size))
    return model


def by_head(x):
    return x.view(1, LENGTH, HEADS, SIZE).transpose(1, 2)[0]


def joined(found):
    return found.transpose(0, 1).reshape(1, LENGTH, HEADS * SIZE)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def masked_softmax(scores):
    """Row by row over the past."""
    weights = torch.zeros_like(scores)
    for head in range(HEADS):
        for i in range(LENGTH):
            weights[head, i, : i + 1] = torch.softmax(scores[head, i, : i + 1], 0)
    return weights


@pytest.mark.parametrize("latent", [None, 10])
def test_ratio_attention_without_options_is_plain_attention(latent):
    layer, x = draw(lambda: RatioAttention(SHAPE, RatioParts(latent=latent)))
    found, weights = layer(x, None)
    if latent is None:
        query, key, value = (by_head(part) for part in layer.c_attn(x).split(32, dim=2))
    else:
        narrow = x @ layer.c_down.weight.T
        assert narrow.shape == (1, LENGTH, 10)
        key, value = (by_head(part) for part in (narrow @ layer.c_up.weight.T).split(32, dim=2))
        query = by_head(layer.c_query(x))
    expected = masked_softmax(query @ key.transpose(1, 2) / 4)
    close(weights[0], expected)
    close(found, layer.c_proj(joined(expected @ value)))


def test_scores_count_both_ways_within_the_band(monkeypatch):
    monkeypatch.setattr(ratio, "BAND", 3)
    layer, x = draw(lambda: RatioAttention(SHAPE, RatioParts(has_band=True)))
    query, key, _ = (by_head(part) for part in layer.c_attn(x).split(32, dim=2))
    scores = query @ key.transpose(1, 2) / 4
    both = scores.clone()
    for i in range(LENGTH):
        for j in range(max(0, i - 3), i + 1):
            both[:, i, j] = scores[:, i, j] + 0.3 * scores[:, j, i]
    close(layer(x, None)[1][0], masked_softmax(both))


@pytest.mark.parametrize("statistic", ["topk", "entropy"])
@pytest.mark.parametrize("on_weights", [False, True])
def test_rows_are_gated_by_a_statistic_of_their_weights(statistic, on_weights, monkeypatch):
    monkeypatch.setattr(ratio, "KEPT_WEIGHTS", 3)
    layer, x = draw(lambda: RatioAttention(SHAPE, RatioParts(row_gate=statistic, gates_weights=on_weights)))
    plain, _ = draw(lambda: RatioAttention(SHAPE, RatioParts()))
    weights = plain(x, None)[1][0]
    value = by_head(layer.c_attn(x).split(32, dim=2)[2])
    gates = torch.zeros(HEADS, LENGTH)
    for head in range(HEADS):
        for i in range(LENGTH):
            row = weights[head, i].tolist()
            largest = sum(sorted(row)[-3:])
            entropy = -sum(weight * math.log(weight) for weight in row if weight > 0)
            gates[head, i] = 1 / (1 + math.exp(-(largest if statistic == "topk" else entropy) - 2))
    found, used = layer(x, None)
    if on_weights:
        close(used[0], weights * (0.8 + 0.2 * gates[..., None]))
        close(found, layer.c_proj(joined(used[0] @ value)))
    else:
        close(used[0], weights)
        close(found, layer.c_proj(joined(gates[..., None] * (weights @ value))))


def test_heads_are_gated_by_the_block_before():
    layer, x = draw(lambda: RatioAttention(SHAPE, RatioParts(gates_heads=True)))
    gate = torch.rand(1, HEADS, LENGTH)
    weights = layer(x, None)[1]
    close(layer(x, gate)[1], weights * (0.9 + 0.1 * gate[..., None]))


def test_the_mlp_looks_across_positions_and_gates_heads(monkeypatch):
    monkeypatch.setattr(ratio, "KEPT_WEIGHTS", 3)
    layer, x = draw(lambda: RatioMLP(SHAPE, RatioParts(expansion=2.5, crosses_tokens=True, gates_heads=True)))
    weights = torch.softmax(torch.randn(1, HEADS, LENGTH, LENGTH).masked_fill(~PAST, float("-inf")), dim=-1)
    hidden = functional.gelu(layer.c_fc(x))
    assert hidden.shape[-1] == 80
    mean = weights[0].mean(0)
    crossed = torch.zeros_like(hidden)
    for i in range(LENGTH):
        best = sorted(range(LENGTH), key=lambda j, i=i: -mean[i, j].item())[:3]
        total = sum(mean[i, j].item() for j in best)
        for j in best:
            crossed[0, i] += mean[i, j] / total * hidden[0, j]
    hidden = hidden + 0.3 * crossed @ layer.cross.weight.T
    found, gate = layer(x, weights)
    close(found, layer.c_proj(hidden))
    seen = [layer.gate_down(hidden)[0, : i + 1].mean(0) for i in range(LENGTH)]
    close(gate[0], torch.sigmoid(layer.gate_up(torch.stack(seen))).T)
    assert torch.equal(layer.gate_up.bias, torch.full((HEADS,), 2.0))


@pytest.mark.parametrize("has_transpose", [False, True])
@pytest.mark.parametrize("has_discovery", [False, True])
@pytest.mark.parametrize("latent", [None, 10])
def test_lenses_mix_scores(has_transpose, has_discovery, latent):
    options = LensParts(has_transpose=has_transpose, has_discovery=has_discovery, latent=latent)
    layer, x = draw(lambda: LensAttention(SHAPE, options))
    query, key, value = (by_head(project(x)) for project in (layer.c_query, layer.c_key, layer.c_value))
    shares = [math.exp(logit) / sum(map(math.exp, (2.2, 0.6, 0.1))) for logit in (2.2, 0.6, 0.1)]
    scores = query @ key.transpose(1, 2) / 4
    mixed = shares[0] * scores
    if has_transpose:
        mixed = mixed + shares[1] * scores.transpose(1, 2)
    if has_discovery:
        mixed = mixed + shares[2] * torch.stack([key[head] @ layer.found[head] for head in range(HEADS)])[:, None]
    close(layer(x), layer.c_proj(joined(masked_softmax(mixed) @ value)))
    assert not any(name.endswith("bias") for name, _ in layer.named_parameters())
    assert sum(p.numel() for p in layer.c_key.parameters()) == (32 * 32 if latent is None else 2 * 320)


@pytest.mark.parametrize(("route", "is_conducted"), [(2.2, False), (2.2, True), (-1.0, True)])
def test_a_route_divides_a_block_and_conducts_the_context(route, is_conducted):
    parts = LensParts(has_route=True, context_rank=10, is_conducted=is_conducted)
    block, x = draw(lambda: LensBlock(Block(SHAPE), SHAPE, parts))
    assert isinstance(block.mlp, ContextMLP)
    block.w_route.data.fill_(route)
    found = block.attn(block.ln_1(x))
    share = 0.0 if is_conducted and route > 0 else 0.1
    hidden = functional.gelu(block.mlp.c_fc(block.ln_2(x + found)))
    hidden = (1 - share) * hidden + share * block.mlp.context_up(block.mlp.context_down(found))
    part = 1 / (1 + math.exp(-route))
    close(block(x), x + part * found + (1 - part) * block.mlp.c_proj(hidden))


def test_attention_does_not_learn_from_the_context_of_the_mlp():
    mlp, x = draw(lambda: ContextMLP(SHAPE, rank=10, is_conducted=False))
    block, _ = draw(lambda: LensBlock(Block(SHAPE), SHAPE, LensParts(has_route=True, context_rank=10)))
    seen = []
    block.mlp.forward_with = lambda y, context, route: seen.append(context) or mlp(y)
    block(x)
    assert not seen[0].requires_grad


def test_a_block_without_mlp_is_attention_alone():
    block, x = draw(lambda: LensBlock(Block(SHAPE), SHAPE, LensParts(has_mlp=False)))
    close(block(x), x + block.attn(block.ln_1(x)))
    assert not any(name.startswith(("mlp", "ln_2")) for name, _ in block.named_parameters())


def slow_walk(similar, neighbours):
    """Visits by adding up the steps of a walk that begins at each position in turn."""
    moves = torch.zeros_like(similar)
    for i in range(LENGTH):
        best = sorted(range(i + 1), key=lambda j, i=i: -similar[i, j].item())[:neighbours]
        total = sum(max(0.0, similar[i, j].item()) for j in best)
        for j in best:
            moves[i, j] = max(0.0, similar[i, j].item()) / total if total else 0.0
    visits = torch.zeros_like(similar)
    for start in range(LENGTH):
        at = torch.zeros(LENGTH)
        at[start] = 1.0
        for step in range(5):
            visits[start] += 0.2 * 0.8**step * at
            at = at @ moves
    return visits


@pytest.mark.parametrize(
    ("is_reversible", "forward_share"), [(False, 1.0), (True, 1.0), (True, 0.7)], ids=["R1", "R2", "R3"]
)
def test_attention_nearby_and_a_walk_beyond(is_reversible, forward_share):
    parts = WalkParts(neighbours=4, window=2, is_reversible=is_reversible, forward_share=forward_share)
    layer, x = draw(lambda: WalkAttention(CausalSelfAttention(SHAPE), parts))
    query, key, value = (by_head(part) for part in layer.c_attn(x).split(32, dim=2))
    near = torch.zeros(HEADS, LENGTH, LENGTH)
    for i in range(LENGTH):
        at = slice(max(0, i - 2), i + 1)
        near[:, i, at] = torch.softmax((query @ key.transpose(1, 2) / 4)[:, i, at], -1)
    visits = []
    for head in range(HEADS):
        cosines = torch.stack([functional.cosine_similarity(query[head][i : i + 1], key[head]) for i in range(LENGTH)])
        walk = slow_walk((cosines + cosines.T) / 2 if is_reversible else cosines, 4)
        back = slow_walk(cosines.T, 4)
        visits.append(forward_share * walk + (1 - forward_share) * back)
    close(layer(x), layer.c_proj(joined((near + 0.3 * torch.stack(visits)) @ value)))


def test_parameter_counts():
    plain = stepped("0").parameter_count()
    band, rows = 1, 2 * 2
    # in GPT-2's MLP 128 channels, each with 32 weights in, 32 out and a bias
    narrow = 10 * 32 + 10 * 64 - (64 * 32 + 64)
    gates = 1 + (128 * 64 + 64) + (64 * 2 + 2)
    cross = 128 * 128 + 1
    lens = 3 * 2 - (96 + 32)
    expected = {
        "1": 0,
        "2": 32 * 65,
        "3": 8 * 65 + gates + 8 * 64,
        "4": gates + cross,
        "5": band,
        "6": 32 * 65 + band,
        "7": gates + cross + band,
        "8": narrow,
        "9": narrow - 22 * 65,
        "11": narrow - 22 * 65 + band,
        "13": rows,
        "14": narrow - 22 * 65 + rows,
        "15": narrow - 22 * 65 + rows + band,
        "17": rows,
        "18": rows,
        "L0": lens,
        "L1": lens,
        "L2": lens + 32,
        "L3": lens + 32,
        "L4": lens + 32 - (2 * 128 * 32 + 128 + 32) - 64,
        "L5": lens + 32 + 1,
        **dict.fromkeys(("L6", "L7", "S0", "S1", "S2", "S3"), lens + 33 + 2 * (640 - 1024) + 320 + 1280 + 1),
        **dict.fromkeys(("R0", "R1", "R2", "R3"), 0),
    }
    hidden = 85
    coupled = (1 + hidden * 64 + 64 + 130) + (hidden * hidden + 1)
    expected |= {"10": narrow - 43 * 65 + coupled, "12": narrow - 43 * 65 + coupled + band}
    expected["16"] = expected["12"] + rows
    assert expected.keys() | {"0"} == older_steps(SIZES).keys()
    assert {name: stepped(name).parameter_count() - plain for name in expected} == {
        name: SHAPE.n_layer * more for name, more in expected.items()
    }


def test_some_steps_bring_an_optimizer_along():
    brought = {name: dict(step.options) for name, step in older_steps(SIZES).items() if step.options}
    assert brought == {
        "1": {"optimizer": "adamwspam", "pruning_method": "magnitude", "target_sparsity": 0.5},
        "S0": {"optimizer": "adamwspam"},
        "S1": {"optimizer": "sinkgd", "sinkgd_temperature": 0.1, "sinkgd_iterations": 5},
        "S2": {"optimizer": "sinkgd", "sinkgd_temperature": 0.05, "sinkgd_iterations": 10},
        "S3": {"optimizer": "sinkgd", "sinkgd_temperature": 0.2, "sinkgd_iterations": 3},
    }


def test_gates_are_analysed():
    assert gate_statistics(stepped("12")).keys() == {"attention_w_band", "attention_w_head", "mlp_w_cross"}
    assert gate_statistics(stepped("18")).keys() == {"attention_w_row", "attention_w_row_bias"}
    found = gate_statistics(stepped("L7"))
    assert found.keys() == {"attention_w_lens", "attention_w_route", "mlp_w_context"}
    assert (found["attention_w_lens"]["min"], found["attention_w_lens"]["max"]) == pytest.approx((0.1, 2.2))
