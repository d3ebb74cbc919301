"""The losses of the occ family against their definition, and against the witness to the last bit."""

import importlib.util
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.occ_targets import BOS, EOS, PAD, Example, by_definition, examples
from trainers.common.errors import DataError
from trainers.occ.losses import (
    BlockOrderInvariantLoss,
    LossMixer,
    OrderInvariantSeq2SeqCrossEntropy,
    Seq2SeqCrossEntropy,
)

SMOOTHINGS = st.sampled_from([0.0, 0.1])
WITNESS = Path(__file__).parents[2] / "legacy" / "occ" / "loss" / "order_invariant.py"
# one used block, twice the same code, as many codes as blocks, none at all
EXAMPLE = Example((((5, 6),), ((7, 7), (7, 7)), ((5, 5), (6, 6), (8, 7)), ()), blocks=3, size=2, vocabulary=9, seed=1)


def witness_losses():
    specification = importlib.util.spec_from_file_location("occ_witness_losses", WITNESS)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def block_loss(example, *, weight=1.0, smoothing=0.0):
    return BlockOrderInvariantLoss(
        pad=PAD,
        blocks=example.blocks,
        block_size=example.size,
        push_to_pad_weight=weight,
        push_to_pad_smoothing=smoothing,
    )


def older_loss(example, weight=0.05):
    return OrderInvariantSeq2SeqCrossEntropy(
        pad=PAD, blocks=example.blocks, block_size=example.size, push_to_pad_weight=weight
    )


def value_and_gradient(loss, logits, targets):
    logits = logits.clone().requires_grad_()
    value = loss(logits, targets)
    value.backward()
    return value.detach(), logits.grad


@given(examples(), st.sampled_from([0.0, 0.3, 1.0]), SMOOTHINGS)
def test_block_order_invariant_loss_is_its_definition(example, weight, smoothing):
    logits, targets = example.logits(), example.targets
    layout = {"blocks": example.blocks, "size": example.size}
    expected = by_definition(logits, targets, weight=weight, smoothing=smoothing, **layout)
    found = block_loss(example, weight=weight, smoothing=smoothing)(logits, targets)
    assert float(found) == pytest.approx(expected, rel=1e-12)
    older = by_definition(logits, targets, weight=weight, masked=False, **layout)
    assert float(older_loss(example, weight)(logits, targets)) == pytest.approx(older, rel=1e-12)


@given(examples(), SMOOTHINGS)
def test_block_order_invariant_loss_is_the_witness_to_the_last_bit(example, smoothing):
    """Values and gradients; also where three and more blocks choose the same candidate."""
    original = witness_losses().BlockOrderInvariantLoss(PAD, example.blocks, example.size, 0.7, smoothing)
    logits, targets = example.logits(torch.float32), example.targets
    expected = value_and_gradient(original, logits, targets)
    found = value_and_gradient(block_loss(example, weight=0.7, smoothing=smoothing), logits, targets)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_large_batch_is_the_witness_to_the_last_bit():
    generator = random.Random(3)
    codes = [tuple(generator.choices(range(5, 15), k=5)) for _ in range(12)]
    rows = tuple(tuple(generator.choices(codes, k=generator.randint(0, 5))) for _ in range(128))
    example = Example(rows, blocks=5, size=5, vocabulary=15, seed=4)
    # logits that hardly differ between blocks make many blocks choose the same candidate
    logits = 0.01 * example.logits(torch.float32) + example.logits(torch.float32)[:, :1]
    original = witness_losses().BlockOrderInvariantLoss(PAD)
    expected = value_and_gradient(original, logits, example.targets)
    found = value_and_gradient(block_loss(example), logits, example.targets)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
    # the older loss: equal values, gradients that add the same numbers in another order
    value, gradient = value_and_gradient(older_loss(example), logits, example.targets)
    witness_value, witness_gradient = value_and_gradient(
        witness_losses().OrderInvariantSeq2SeqCrossEntropy(PAD), logits, example.targets
    )
    assert float(value) == pytest.approx(float(witness_value), rel=1e-6)
    assert torch.allclose(gradient, witness_gradient, rtol=1e-5, atol=1e-9)


@given(examples(), st.randoms(use_true_random=False))
def test_the_order_of_the_codes_does_not_matter(example, generator):
    shuffled = tuple(tuple(generator.sample(row, len(row))) for row in example.rows)
    other = Example(shuffled, example.blocks, example.size, example.vocabulary, example.seed)
    logits = example.logits()
    for loss in (block_loss(example), older_loss(example)):
        assert float(loss(logits, other.targets)) == pytest.approx(float(loss(logits, example.targets)), rel=1e-12)


@given(examples())
def test_the_last_step_and_empty_rows_are_not_trained_towards_codes(example):
    logits, targets = example.logits(), example.targets
    _, gradient = value_and_gradient(block_loss(example, weight=0.0), logits, targets)
    assert not gradient[:, -1].any()
    for row, codes in enumerate(example.rows):
        assert gradient[row].any() == bool(codes)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradients(smoothing):
    logits = EXAMPLE.logits().requires_grad_()
    for loss in (block_loss(EXAMPLE, smoothing=smoothing), older_loss(EXAMPLE), Seq2SeqCrossEntropy(pad=PAD)):
        assert torch.autograd.gradcheck(lambda y, loss=loss: loss(y, EXAMPLE.targets), (logits,))


def targets_of(*rows):
    return torch.tensor([[BOS, *row, EOS] for row in rows])


def test_padding_inside_the_codes_leaves_one_candidate():
    """A quirk of the witness: behind a gap, later codes are held against the first candidate only."""
    layout = {"blocks": 3, "size": 2}
    targets = targets_of([5, 6, PAD, PAD, 7, 7], [5, 6, 7, 5, 7, 7])
    logits = torch.randn(2, 7, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss = BlockOrderInvariantLoss(pad=PAD, blocks=3, block_size=2, push_to_pad_weight=0.0)
    expected = by_definition(logits, targets, weight=0.0, **layout)
    assert float(loss(logits, targets)) == pytest.approx(expected, rel=1e-12)
    better = logits.clone()
    better[0, 4:6, 7] += 100.0  # the third candidate now says what the third code is
    assert torch.equal(loss(better, targets), loss(logits, targets))


@pytest.mark.parametrize(
    "rows", [[[5, 6, 7, PAD, PAD, PAD]], [[5, PAD, 7, 7, 5, 6]], [[PAD, 5, 7, PAD, PAD, 8], [5, 6, 7, 8, 5, 6]]]
)
def test_padding_inside_a_block_is_not_trained(rows):
    targets = targets_of(*rows)
    logits = torch.randn(len(rows), 7, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = by_definition(logits, targets, weight=1.0, blocks=3, size=2)
    found = value_and_gradient(BlockOrderInvariantLoss(pad=PAD, blocks=3, block_size=2), logits, targets)
    assert float(found[0]) == pytest.approx(expected, rel=1e-12)
    witness = value_and_gradient(witness_losses().BlockOrderInvariantLoss(PAD, 3, 2), logits, targets)
    assert torch.equal(found[1], witness[1])


def test_two_codes_may_choose_the_same_candidate():
    targets = targets_of([5, 6, 5, 6])
    logits = torch.zeros(1, 5, 9)
    logits[0, 0, 5] = logits[0, 1, 6] = 100.0
    loss = BlockOrderInvariantLoss(pad=PAD, blocks=2, block_size=2)
    assert float(loss(logits, targets)) == 0.0


@pytest.mark.parametrize("rows", [[[PAD] * 4], [[PAD] * 4, [PAD, PAD, 5, 6]], []])
@pytest.mark.parametrize("kind", [BlockOrderInvariantLoss, OrderInvariantSeq2SeqCrossEntropy])
def test_a_batch_without_a_code_is_refused(rows, kind):
    targets = targets_of(*rows) if rows else torch.zeros(0, 6, dtype=torch.long)
    with pytest.raises(DataError, match=f"none of the {len(rows)} rows .* remove rows without codes"):
        kind(pad=PAD, blocks=2, block_size=2)(torch.zeros(len(rows), 5, 9), targets)


def test_nothing_but_padding_is_refused_by_the_ordered_loss():
    with pytest.raises(DataError, match="all targets of a batch are padding"):
        Seq2SeqCrossEntropy(pad=PAD)(torch.zeros(1, 2, 9), torch.tensor([[BOS, PAD, PAD]]))


def test_another_layout_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 5, 9\).*3 blocks of 2"):
        BlockOrderInvariantLoss(pad=PAD, blocks=3, block_size=2)(torch.zeros(1, 5, 9), targets_of([5, 6, 5, 6]))


def test_the_mixer_weighs_both_parts():
    linear_logits, linear_targets = torch.randn(4, 3, dtype=torch.float64), torch.eye(4, 3, dtype=torch.float64)
    seq2seq, linear = block_loss(EXAMPLE), torch.nn.BCEWithLogitsLoss()
    mixed = LossMixer(seq2seq=seq2seq, linear=linear, seq2seq_weight=0.1)
    logits, targets = EXAMPLE.logits(), EXAMPLE.targets
    expected = 0.1 * seq2seq(logits, targets) + 0.9 * linear(linear_logits, linear_targets)
    assert torch.equal(mixed(logits, linear_logits, targets, linear_targets), expected)
