"""Losses that do not care for the order of the codes: each target block is held against its best candidate.

The choice of a candidate has no gradient, only the chosen one has. So all pairs of blocks are weighed from one softmax,
and then nothing but what was chosen is trained.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from trainers.occ.losses.blocks import Blocks


class BlockOrderInvariantLoss(nn.Module):
    """Each target block against the best block in use, and every unused block against padding."""

    def __init__(
        self,
        *,
        pad: int,
        blocks: int,
        block_size: int,
        push_to_pad_weight: float = 1.0,
        push_to_pad_smoothing: float = 0.0,
    ) -> None:
        """Expect ``blocks`` blocks of ``block_size`` tokens; smoothing applies to the push towards padding only."""
        super().__init__()
        self.blocks = Blocks(count=blocks, size=block_size, pad=pad)
        self.push_to_pad_weight = push_to_pad_weight
        self.push_to_pad_smoothing = push_to_pad_smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss in nats, 0-dimensional.

        Two target blocks may choose the same candidate.

        Raises:
            DataError: no row has a code.
        """
        candidates, targets = self.blocks.split(logits, targets)
        is_unused = self.blocks.are_unused(targets)
        best, push_to_pad = order_invariant_losses(
            candidates,
            targets[:, : self.blocks.count_targets(targets)],
            is_available=~is_unused,
            is_pushed=is_unused,
            pad=self.blocks.pad,
            smoothing=self.push_to_pad_smoothing,
        )
        return best + self.push_to_pad_weight * push_to_pad


class OrderInvariantSeq2SeqCrossEntropy(nn.Module):
    """The older loss: all blocks are candidates, and all are pushed towards padding a little."""

    def __init__(self, *, pad: int, blocks: int, block_size: int, push_to_pad_weight: float = 0.05) -> None:
        """Expect ``blocks`` blocks of ``block_size`` tokens."""
        super().__init__()
        self.blocks = Blocks(count=blocks, size=block_size, pad=pad)
        self.push_to_pad_weight = push_to_pad_weight

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss in nats, 0-dimensional.

        Raises:
            DataError: no row has a code.
        """
        candidates, targets = self.blocks.split(logits, targets)
        everything = torch.ones(targets.shape[:2], dtype=torch.bool, device=targets.device)
        best, push_to_pad = order_invariant_losses(
            candidates,
            targets[:, : self.blocks.count_targets(targets)],
            is_available=everything,
            is_pushed=everything,
            pad=self.blocks.pad,
        )
        return best + self.push_to_pad_weight * push_to_pad


def order_invariant_losses(
    candidates: torch.Tensor,
    wanted: torch.Tensor,
    *,
    is_available: torch.Tensor,
    is_pushed: torch.Tensor,
    pad: int,
    smoothing: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss of the wanted blocks against the candidates that suit them best, and mean loss towards padding.

    ``candidates`` are logits (B, K, V, S), ``wanted`` tokens (B, n, S). Of the candidates, those in ``is_available``
    may be chosen and those in ``is_pushed``, both (B, K), ought to be padding. Padding counts as 0 in the mean over the
    tokens of a wanted block, and so do a row without a block and a candidate that is not pushed in the other means.
    """
    flat = candidates.flatten(0, 1)
    known = functional.log_softmax(flat.detach(), dim=1)
    # Last block first: where several blocks chose the same candidate, their gradients are then added in the order of
    # the backward pass through a plain loop, and come out the same to the last bit.
    wanted = wanted.flip(1).transpose(0, 1)  # (n, B, S)
    holds_code = (wanted != pad).any(dim=2)
    number, row = holds_code.nonzero(as_tuple=True)
    codes = wanted[number, row]
    choice = choose(known.view_as(candidates), codes, row=row, is_available=is_available, pad=pad)
    chosen = row * candidates.size(1) + choice
    pushed = is_pushed.flatten().nonzero().squeeze(1)
    blocks = torch.cat((pushed, chosen))
    tokens = torch.cat((codes.new_full((len(pushed), codes.size(1)), pad), codes))
    log_probabilities: torch.Tensor = _LogSoftmaxOfSome.apply(flat, known, blocks)  # type: ignore[no-untyped-call]
    losses = -log_probabilities.gather(1, tokens[:, None]).squeeze(1)
    push, nll = losses[: len(pushed)], losses[len(pushed) :].masked_fill(codes == pad, 0.0)
    if smoothing:
        towards_all = -log_probabilities[: len(pushed)].sum(dim=1)
        push = (1 - smoothing) * push + towards_all * (smoothing / flat.size(1))
    total, *others = _table(nll.mean(dim=1), holds_code, (number, row)).mean(dim=1).flip(0)
    for block_loss in others:
        total = total + block_loss
    pushes = _table(push.mean(dim=1), is_pushed, is_pushed.nonzero(as_tuple=True))
    return total / len(wanted), pushes.T.contiguous().mean()


def choose(
    log_probabilities: torch.Tensor, codes: torch.Tensor, *, row: torch.Tensor, is_available: torch.Tensor, pad: int
) -> torch.Tensor:
    """Choose for each of N codes, tokens (N, S), the candidate of its row with the smallest loss: indices (N,) below K.

    ``log_probabilities`` are (B, K, V, S), ``row`` is (N,), ``is_available`` (B, K).
    """
    candidate = torch.arange(is_available.size(1), device=codes.device)[None, :, None]
    step = torch.arange(codes.size(1), device=codes.device)
    losses = -log_probabilities[row[:, None, None], candidate, codes[:, None], step]  # (N, K, S)
    losses = losses.masked_fill((codes == pad)[:, None], 0.0)
    return losses.mean(dim=2).masked_fill(~is_available[row], torch.inf).min(dim=1).indices


class _LogSoftmaxOfSome(torch.autograd.Function):
    """The log-softmax of some blocks, any of them more than once, where that of all is known already.

    A block that was chosen twice gets the sum of two gradients, each taken back through the softmax by itself.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, known: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
        selected = known.index_select(0, blocks)
        ctx.save_for_backward(selected, blocks)
        ctx.total = len(logits)
        return selected

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        selected, blocks = ctx.saved_tensors
        # the kernel that autograd itself would use, so that the last bit is the same
        backward = torch.ops.aten._log_softmax_backward_data  # noqa: SLF001
        by_block = backward(gradient, selected, 1, selected.dtype)
        total = selected.new_zeros(ctx.total, *selected.shape[1:])
        return total.index_add_(0, blocks, by_block), None, None


def _table(losses: torch.Tensor, shape_of: torch.Tensor, places: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return losses.new_zeros(shape_of.shape).index_put(places, losses)
