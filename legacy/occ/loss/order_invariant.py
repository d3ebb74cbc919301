"""
Losses for targets made of blocks, one code per block, where the order of the blocks has no meaning.

Shapes: B rows, K blocks of S tokens, V symbols. The decoder returns logits of (B, K * S + 1, V), one step for each token
behind the first; targets are (B, K * S + 2): BOS, the blocks, EOS. Codes come first, the blocks behind them are padding.
"""

import torch
import torch.nn as nn

class Seq2SeqCrossEntropy(nn.Module):
    """ cross-entropy of each step, in the order in which the codes are written; padding does not count """

    def __init__(self, pad_idx):
        super().__init__()
        self.cross_entropy = nn.CrossEntropyLoss(ignore_index=pad_idx)

    def forward(self, yhat, target):
        return self.cross_entropy(yhat.reshape(-1, yhat.size(-1)), target[:, 1:].reshape(-1))

class BlockOrderInvariantLoss(nn.Module):
    """ each target block is held against the most similar of the blocks in use; unused blocks are pushed to padding """

    def __init__(self, pad_idx, nb_blocks=5, block_size=5, push_to_pad_scale_factor=1.0,
                 push_to_pad_label_smoothing=0.0):
        super().__init__()
        self.pad_idx = pad_idx
        self.nb_blocks = nb_blocks
        self.block_size = block_size
        self.push_to_pad_scale_factor = push_to_pad_scale_factor
        self.cross_entropy = nn.CrossEntropyLoss(ignore_index=pad_idx, reduction='none')
        self.push_to_pad = nn.CrossEntropyLoss(label_smoothing=push_to_pad_label_smoothing, reduction='none')

    def get_target_mask(self, target):
        """ (B, K), true where a row has no code """
        first_pad = (target == self.pad_idx).int().argmax(dim=1) # 0 also where there is no padding
        used = first_pad // self.block_size
        used[used == 0] = self.nb_blocks
        return torch.arange(self.nb_blocks, device=target.device) >= used[:, None]

    def block(self, sequence, number):
        return sequence[:, number * self.block_size:(number + 1) * self.block_size]

    def step_losses(self, loss_fn, yhat_block, target_block):
        """ (B,), the mean over the steps of a block """
        return loss_fn(yhat_block.permute(0, 2, 1), target_block).mean(dim=1) # symbols second, as the loss wants it

    def order_invariant_loss(self, yhat, target, target_mask):
        losses = []
        for i in range(self.nb_blocks):
            target_block = self.block(target, i)
            if torch.all(target_block == self.pad_idx): # nobody has so many codes
                break
            candidates = []
            for j in range(self.nb_blocks):
                loss = self.step_losses(self.cross_entropy, self.block(yhat, j), target_block)
                candidates.append(loss.masked_fill(target_mask[:, j], float('inf')))
            losses.append(torch.stack(candidates).min(dim=0).values.mean())
        return sum(losses) / len(losses)

    def push_to_pad_loss(self, yhat, target_mask):
        losses = []
        for j in range(self.nb_blocks):
            yhat_block = self.block(yhat, j)
            padding = torch.full(yhat_block.shape[:2], self.pad_idx, device=yhat.device)
            loss = self.step_losses(self.push_to_pad, yhat_block, padding)
            losses.append(loss * target_mask[:, j])
        return torch.stack(losses).mean()

    def forward(self, yhat, target):
        yhat = yhat[:, :-1] # the step that should say EOS
        target = target[:, 1:-1]
        target_mask = self.get_target_mask(target)
        order_invariant_loss = self.order_invariant_loss(yhat, target, target_mask)
        push_to_pad_loss = self.push_to_pad_loss(yhat, target_mask)
        return order_invariant_loss + self.push_to_pad_scale_factor * push_to_pad_loss

class OrderInvariantSeq2SeqCrossEntropy(nn.Module):
    """ the older one: all blocks are candidates, and every step is pushed to padding a little """

    def __init__(self, pad_idx, nb_blocks=5, block_size=5, push_to_pad_scale_factor=0.05):
        super().__init__()
        self.pad_idx = pad_idx
        self.nb_blocks = nb_blocks
        self.block_size = block_size
        self.push_to_pad_scale_factor = push_to_pad_scale_factor
        self.cross_entropy = nn.CrossEntropyLoss(ignore_index=pad_idx, reduction='none')
        self.push_to_pad = nn.CrossEntropyLoss()

    def block(self, sequence, number):
        return sequence[:, number * self.block_size:(number + 1) * self.block_size]

    def order_invariant_loss(self, yhat, target):
        losses = []
        for i in range(self.nb_blocks):
            target_block = self.block(target, i)
            if torch.all(target_block == self.pad_idx):
                break
            candidates = []
            for j in range(self.nb_blocks):
                candidates.append(self.cross_entropy(self.block(yhat, j).permute(0, 2, 1), target_block).mean(dim=1))
            losses.append(torch.stack(candidates).min(dim=0).values.mean())
        return sum(losses) / len(losses)

    def push_to_pad_loss(self, yhat):
        padding = torch.full(yhat.shape[:2], self.pad_idx, device=yhat.device)
        return self.push_to_pad(yhat.reshape(-1, yhat.size(-1)), padding.reshape(-1))

    def forward(self, yhat, target):
        yhat = yhat[:, :-1]
        target = target[:, 1:-1]
        return self.order_invariant_loss(yhat, target) + self.push_to_pad_scale_factor * self.push_to_pad_loss(yhat)
