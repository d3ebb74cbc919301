"""The targets of a loss are found in its graph, each of them once."""

import pytest
import torch
from torch.nn import functional

from parity.record.probes.losses import targets

ANSWERS = torch.tensor([0, 1, 2, 0])


def one(logits: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, ANSWERS)


@pytest.mark.parametrize(
    ("loss", "number"),
    [
        (lambda logits: [one(logits)], 1),
        (lambda logits: [(loss := one(logits)) + 0.1 * loss.square()], 1),
        (lambda logits: [(loss := one(logits)), loss * 2], 1),
        (lambda logits: [one(logits) + functional.mse_loss(logits, torch.zeros(4, 3))], 2),
        (lambda logits: [logits.sum()], 0),
    ],
    ids=["plain", "reached-twice", "two-of-one", "two-targets", "none"],
)
def test_every_target_is_found_once(loss, number: int) -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    assert len(list(targets(loss(logits)))) == number
