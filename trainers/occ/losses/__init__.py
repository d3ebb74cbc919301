"""Losses for targets made of blocks, one block per code.

Shapes throughout: B rows, K blocks of S tokens, V symbols. Logits are (B, K * S + 1, V), one step for each token behind
the first; targets are (B, K * S + 2): BOS, the blocks, EOS. Codes fill the first blocks, the others are padding.
"""

from trainers.occ.losses.cross_entropy import Seq2SeqCrossEntropy
from trainers.occ.losses.mixer import LossMixer
from trainers.occ.losses.order_invariant import BlockOrderInvariantLoss, OrderInvariantSeq2SeqCrossEntropy

__all__ = ["BlockOrderInvariantLoss", "LossMixer", "OrderInvariantSeq2SeqCrossEntropy", "Seq2SeqCrossEntropy"]
