"""Each code against the candidate that suits it best.

The choice has no gradient, only what was chosen has, and the losses are weighted sums of log-probabilities. So all
pairs of blocks are weighed from one softmax, and the weights of what was chosen go back through it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from trainers.occ.losses.blocks import Blocks


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What N codes have chosen; a code is a block of a target, and those of the last blocks come first."""

    losses: torch.Tensor
    """Of the blocks that hold codes, their best, else 0: (n, B)."""
    blocks: torch.Tensor
    """The chosen block of all B * K, (N,)."""
    places: torch.Tensor
    """Where their tokens are in the flattened log-probabilities of all blocks, (N, S)."""
    is_padding: torch.Tensor
    """Which of the tokens do not count, (N, S)."""


def order_invariant_losses(
    layout: Blocks,
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    is_excluded: torch.Tensor,
    is_pushed: torch.Tensor,
    smoothing: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss of the wanted blocks against the candidates that suit them best, and mean loss towards padding.

    ``logits`` are (B, K * S + 1, V), ``targets`` (B, K, S). Of the candidates, those in ``is_excluded`` may not be
    chosen and those in ``is_pushed``, both (B, K), ought to be padding. Padding counts as 0 in the mean over the tokens
    of a wanted block, and so do a row without a block and a candidate that is not pushed in the other means.
    """
    best: torch.Tensor
    push: torch.Tensor
    best, push = _Losses.apply(  # type: ignore[no-untyped-call]
        logits, layout, targets, is_excluded, is_pushed, smoothing
    )
    return best, push


def choose(layout: Blocks, known: torch.Tensor, targets: torch.Tensor, is_excluded: torch.Tensor) -> Choice:
    """Choose the candidate with the smallest loss for each code, from log-probabilities (B * K, V, S)."""
    # Last block first: where several blocks chose the same candidate, their gradients are then added in the order of
    # the backward pass through a plain loop, and come out the same to the last bit.
    holds_code = layout.hold_codes(targets).flip(1).T
    number, row = holds_code.nonzero(as_tuple=True)
    codes = targets[row, len(holds_code) - 1 - number]
    is_padding = codes == layout.pad
    # candidates first: the innermost loop is then over codes and not over a handful of tokens
    candidates = _places_of_candidates(layout.count, known.size(1), layout.size, known.device)
    own = (row * (known.stride(0) * layout.count))[:, None] + codes * layout.size
    places = own + candidates
    found = known.flatten().index_select(0, places.flatten()).view(places.shape)
    means = found.masked_fill(is_padding, 0.0).mean(dim=2).masked_fill(is_excluded.T[:, row], -torch.inf)
    best, chosen = means.max(dim=0)
    return Choice(
        losses=known.new_zeros(holds_code.shape).index_put((number, row), -best),
        blocks=row * layout.count + chosen,
        places=own + candidates[chosen, 0],
        is_padding=is_padding,
    )


@lru_cache(maxsize=4)
def _places_of_candidates(count: int, symbols: int, size: int, device: torch.device) -> torch.Tensor:
    """Where the K candidates of the first row have token 0 in flattened log-probabilities (B * K, V, S): (K, 1, S)."""
    return torch.arange(count * symbols * size, device=device).view(count, symbols, size)[:, :1]


class _Losses(torch.autograd.Function):
    """Both losses. A block that was chosen twice gets two gradients, each taken back through the softmax by itself."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        layout: Blocks,
        targets: torch.Tensor,
        is_excluded: torch.Tensor,
        is_pushed: torch.Tensor,
        smoothing: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        known = layout.log_probabilities(logits)
        choice = choose(layout, known, targets, is_excluded)
        ctx.save_for_backward(known, choice.blocks, choice.places, choice.is_padding, is_pushed.flatten())
        ctx.pad, ctx.smoothing, ctx.numbers, ctx.shape = layout.pad, smoothing, choice.losses.shape, logits.shape
        total, *others = choice.losses.mean(dim=1).flip(0)
        for loss in others:
            total = total + loss
        push = -known[:, layout.pad].contiguous()
        if smoothing:
            push = (1 - smoothing) * push + -known.sum(dim=1) * (smoothing / known.size(1))
        push = push.mean(dim=1).view(is_pushed.shape) * is_pushed
        return total / len(choice.losses), push.T.contiguous().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_best: torch.Tensor, of_push: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        known, blocks, places, is_padding, is_pushed = ctx.saved_tensors
        count, size = ctx.numbers, known.size(2)
        # one division per mean, outermost first: their product would round differently
        of_code = -(of_best / count[0] / count[1] / size)
        of_pushed = -(of_push / len(known) / size)
        gradient = torch.zeros_like(known)
        if ctx.smoothing:
            gradient += is_pushed[:, None, None] * (of_pushed * (ctx.smoothing / known.size(1)))
            of_pushed = of_pushed * (1 - ctx.smoothing)
        gradient.select(1, ctx.pad).add_(is_pushed[:, None] * of_pushed)
        is_again = _is_again(blocks, len(known))
        only_first = places.masked_select(~(is_again[:, None] | is_padding))
        gradient.view(-1).scatter_(0, only_first, of_code.expand(len(only_first)))
        total = _through_softmax(gradient, known)
        again = is_again.nonzero().squeeze(1)
        if len(again):
            again_blocks = blocks[again]
            selected = known.index_select(0, again_blocks)
            inside = places[again] - again_blocks[:, None] * known.stride(0)
            weights = of_code * ~is_padding[again]
            gradient = torch.zeros_like(selected).flatten(1).scatter_(1, inside, weights).view_as(selected)
            total.index_add_(0, again_blocks, _through_softmax(gradient, selected))
        return _join(total, ctx.shape), None, None, None, None, None


def _is_again(blocks: torch.Tensor, total: int) -> torch.Tensor:
    """Which of the blocks were there before."""
    order = torch.arange(len(blocks), device=blocks.device)
    first = blocks.new_full((total,), len(blocks)).scatter_reduce_(0, blocks, order, "amin")
    return first[blocks] != order


def _through_softmax(gradient: torch.Tensor, log_probabilities: torch.Tensor) -> torch.Tensor:
    # the kernel that autograd itself would use, so that the last bit is the same
    backward = torch.ops.aten._log_softmax_backward_data  # noqa: SLF001
    taken: torch.Tensor = backward(gradient, log_probabilities, 1, log_probabilities.dtype)
    return taken


def _join(by_block: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Blocks (B * K, V, S) as steps (B, K * S + 1, V), of which the last one, that belongs to no block, is 0."""
    steps = by_block.new_empty(shape)
    steps[:, -1] = 0.0
    blocks = by_block.view(shape[0], -1, *by_block.shape[1:]).transpose(2, 3)
    steps[:, :-1].view(blocks.shape).copy_(blocks)
    return steps
