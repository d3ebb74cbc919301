"""What the order-invariant loss of the occ family costs beside the witness' loop over pairs of blocks."""

import importlib.util
import time
from collections.abc import Callable

import pytest

from tests.bench.ratios import interleave
from tests.e2e.programs import ROOT

BATCH, BLOCKS, SIZE, PAD = 512, 5, 5, 1
ROUNDS = 12
CALLS = 10
"""Calls that are measured together, each doing the same: single ones would measure how cold the caches are."""
CODES_PER_ROW = (1, 1, 1, 1, 1, 2, 2, 3, 4, 5)


@pytest.mark.parametrize("vocabulary", [15, 50], ids=["digits", "letters"])
def test_loss_and_gradient_at_batch_512(benchmark, vocabulary: int) -> None:
    """Forward and backward on one thread, in processor time, which other programs disturb least."""
    import torch

    from trainers.occ.losses import BlockOrderInvariantLoss

    specification = importlib.util.spec_from_file_location("loop", ROOT / "legacy/occ/loss/order_invariant.py")
    assert specification is not None
    assert specification.loader is not None
    witness = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(witness)
    generator = torch.Generator().manual_seed(0)
    targets = torch.full((BATCH, BLOCKS * SIZE + 2), PAD)
    for row in range(BATCH):
        length = SIZE * CODES_PER_ROW[row % len(CODES_PER_ROW)]
        targets[row, 1 : 1 + length] = torch.randint(5, vocabulary, (length,), generator=generator)
    logits = torch.randn(BATCH, BLOCKS * SIZE + 1, vocabulary, generator=generator).requires_grad_()

    def timed(loss: torch.nn.Module) -> Callable[[], float]:
        def measured() -> float:
            begin = time.process_time()
            for _ in range(CALLS):
                logits.grad = None
                loss(logits, targets).backward()
            return (time.process_time() - begin) / CALLS

        measured()
        return measured

    torch.set_num_threads(1)
    variants = {
        "selected blocks": timed(BlockOrderInvariantLoss(pad=PAD, blocks=BLOCKS, block_size=SIZE)),
        "loop over pairs of blocks": timed(witness.BlockOrderInvariantLoss(PAD, BLOCKS, SIZE)),
    }
    ratios = interleave(variants, base="selected blocks", rounds=ROUNDS)
    print()
    for ratio, budget in zip(ratios, ("", "at least 5x"), strict=True):
        print(ratio.line(budget))
    benchmark.pedantic(variants["selected blocks"], rounds=1)
