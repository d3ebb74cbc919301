import torch.nn as nn

class LossMixer(nn.Module):
    """ weighted sum of the loss of the decoder and the loss of the linear head """

    def __init__(self, loss_fn_seq2seq, loss_fn_linear, seq2seq_weight=0.5):
        super().__init__()
        self.loss_fn_seq2seq = loss_fn_seq2seq
        self.loss_fn_linear = loss_fn_linear
        self.seq2seq_weight = seq2seq_weight

    def forward(self, out_seq2seq, out_linear, targets_seq2seq, targets_linear):
        loss_seq2seq = self.loss_fn_seq2seq(out_seq2seq, targets_seq2seq)
        loss_linear = self.loss_fn_linear(out_linear, targets_linear)
        return self.seq2seq_weight * loss_seq2seq + (1 - self.seq2seq_weight) * loss_linear
