from .mixer import LossMixer
from .order_invariant import BlockOrderInvariantLoss, OrderInvariantSeq2SeqCrossEntropy, Seq2SeqCrossEntropy
