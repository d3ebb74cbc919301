import dataclasses
import math

import pytest
import torch

from tests.unit.trainers.networks import SMALL, build, some_tokens
from trainers.char_gpt.attention import RotaryTable
from trainers.char_gpt.evaluation import estimate_losses
from trainers.common.errors import ConfigError
from trainers.common.optimizers.adamw import build_adamw, set_learning_rate
from trainers.common.optimizers.decay_groups import decay_groups
from trainers.common.precision import Precision

BLOCK = [
    "ln_1.weight",
    "attn.c_attn.weight",
    "attn.c_proj.weight",
    "ln_2.weight",
    "mlp.c_fc.weight",
    "mlp.c_proj.weight",
]


@pytest.mark.parametrize(("use_rotary", "tables"), [(False, ["wte", "wpe"]), (True, ["wte"])])
def test_parameter_names_and_their_order(use_rotary, tables):
    expected = [f"transformer.{table}.weight" for table in tables]
    expected += [f"transformer.h.{layer}.{name}" for layer in range(2) for name in BLOCK]
    expected += ["transformer.ln_f.weight"]
    model = build(use_rotary_embeddings=use_rotary)
    assert [name for name, _ in model.named_parameters()] == expected
    assert set(model.state_dict()) == {*expected, "lm_head.weight"}  # the tied matrix by both names, no rotary table


def test_the_embeddings_are_one_matrix():
    model = build()
    assert model.lm_head.weight is model.transformer.wte.weight


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 11 * 8 + 2 * (2 * 8 + 4 * 64 + 8 * 64) + 8),
        ({"use_rotary_embeddings": True}, 11 * 8 + 2 * (2 * 8 + 4 * 64 + 8 * 64) + 8),
        ({"n_hidden": 5}, 11 * 8 + 2 * (2 * 8 + 4 * 64 + 2 * 8 * 5) + 8),
        ({"bias": True}, 11 * 8 + 2 * (4 * 8 + 4 * 64 + 32 + 8 * 64 + 40) + 16),
    ],
)
def test_parameter_count_leaves_the_position_table_out(changes, count):
    assert build(**changes).parameter_count() == count


def test_floating_point_operations_per_token():
    model = build()
    assert model.flops_per_token() == 6 * model.parameter_count() + 12 * 2 * 2 * 4 * 6


@pytest.mark.parametrize("use_rotary", [False, True])
def test_output_shapes_and_the_first_loss(use_rotary):
    model = build(use_rotary_embeddings=use_rotary)
    tokens = some_tokens()
    logits, loss = model(tokens, tokens)
    assert logits.shape == (3, 6, 11)
    assert loss.item() == pytest.approx(math.log(11), rel=0.05)
    last, nothing = model(tokens)
    assert nothing is None
    assert torch.allclose(last, logits[:, -1:], atol=1e-6)


def test_targets_of_minus_one_are_not_counted():
    model, tokens = build(), some_tokens()
    kept = tokens[:, :3].contiguous()
    masked = tokens.clone()
    masked[:, 3:] = -1
    assert torch.allclose(model(tokens, masked)[1], model(kept, kept)[1], atol=1e-6)


@pytest.mark.parametrize("use_rotary", [False, True])
def test_no_position_sees_what_comes_after_it(use_rotary):
    model, tokens = build(use_rotary_embeddings=use_rotary), some_tokens()
    changed = tokens.clone()
    changed[:, 4] = (changed[:, 4] + 1) % 11
    before, after = model(tokens, tokens)[0], model(changed, tokens)[0]
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_residual_projections_start_smaller():
    model = build(n_embd=64, n_layer=8)
    block = model.transformer.h[0]
    assert block.mlp.c_fc.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for projection in (block.attn.c_proj, block.mlp.c_proj):
        assert projection.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)


def test_rotation_keeps_lengths_and_depends_on_distance_only():
    table = RotaryTable(head_size=8, base=10000, max_positions=16)
    query, key = torch.randn(2, 8, generator=torch.Generator().manual_seed(2))
    queries, keys = (table(vector.expand(1, 1, 16, 8)) for vector in (query, key))
    assert torch.allclose(queries.norm(dim=-1), query.norm().expand(1, 1, 16))
    assert torch.equal(queries[0, 0, 0], query)  # position 0 is not turned
    products = (queries @ keys.transpose(-1, -2))[0, 0]
    for distance in (0, 3):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5)
    assert not torch.isclose(products[0, 0], products[0, 3])


def test_attention_is_rotated():
    model, tokens = build(use_rotary_embeddings=True, n_layer=1), some_tokens(rows=1)
    tokens[0, :2] = torch.tensor([3, 7])
    swapped = tokens[:, [1, 0, 2, 3, 4, 5]]
    # one layer that knew no positions would not notice the order of what it has seen
    assert not torch.allclose(model(tokens)[0], model(swapped)[0], rtol=0, atol=1e-7)


def test_rotation_pairs_the_two_halves_of_a_head():
    table = RotaryTable(head_size=4, base=100, max_positions=4)
    unit = torch.zeros(1, 1, 4, 4)
    unit[..., 1] = 1.0
    angle = 3 * 100 ** (-2 / 4)
    expected = torch.tensor([0.0, math.cos(angle), 0.0, math.sin(angle)])
    assert torch.allclose(table(unit)[0, 0, 3], expected)


def test_cropping_forgets_positions():
    model, tokens = build(), some_tokens(length=4)
    expected = model(tokens, tokens)[0]
    model.crop_block_size(4)
    assert model.transformer.wpe.weight.shape == (4, 8)
    assert model.architecture.block_size == 4
    assert torch.equal(model(tokens, tokens)[0], expected)


def test_an_impossible_architecture_is_refused():
    with pytest.raises(ConfigError) as raised:
        dataclasses.replace(SMALL, n_head=3, n_layer=0)
    assert [problem.split()[0] for problem in raised.value.problems] == ["n_layer", "n_embd"]


def test_matrices_decay_and_vectors_do_not():
    model = build(bias=True)
    model.transformer.h[0].mlp.c_fc.weight.requires_grad_(False)
    decayed, spared = decay_groups(model, weight_decay=0.1)
    by_identity = {id(parameter): name for name, parameter in model.named_parameters()}
    names = [[by_identity[id(parameter)] for parameter in group["params"]] for group in (decayed, spared)]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert names[0][:3] == ["transformer.wte.weight", "transformer.wpe.weight", "transformer.h.0.attn.c_attn.weight"]
    assert all(name.endswith(".bias") or ".ln_" in name for name in names[1])
    assert sorted(names[0] + names[1]) == sorted(set(by_identity.values()) - {"transformer.h.0.mlp.c_fc.weight"})


def test_the_optimizer_is_fused_on_the_gpu_only():
    options = {"learning_rate": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.1}
    optimizer = build_adamw(build(), device_type="cpu", **options)
    assert optimizer.defaults["fused"] is False
    assert (optimizer.defaults["betas"], optimizer.defaults["eps"]) == ((0.9, 0.95), 1e-8)
    set_learning_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]


@pytest.mark.parametrize(("dtype", "is_enabled"), [("float16", True), ("bfloat16", False), ("float32", False)])
def test_the_loss_is_scaled_for_float16_only(dtype, is_enabled):
    assert Precision(dtype=dtype, device_type="cpu").gradient_scaler().is_enabled() is is_enabled


def test_estimates_take_the_training_split_first_and_average_batches():
    served = []
    generator = torch.Generator().manual_seed(4)

    def source(name):
        def next_batch():
            tokens = torch.randint(11, (2, 6), generator=generator)
            served.append((name, tokens))
            return tokens, tokens

        return next_batch

    model = build(dropout=0.5)
    losses = estimate_losses(
        model,
        next_train_batch=source("train"),
        next_validation_batch=source("validation"),
        batches_per_split=3,
        precision=Precision(dtype="float32", device_type="cpu"),
    )
    assert [name for name, _ in served] == ["train"] * 3 + ["validation"] * 3
    assert model.training
    model.eval()
    for found, name in ((losses.train, "train"), (losses.validation, "validation")):
        expected = [model(tokens, tokens)[1].item() for split, tokens in served if split == name]
        assert found.item() == pytest.approx(sum(expected) / 3, rel=1e-6)
