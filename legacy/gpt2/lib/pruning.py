""" Pruning by the weights alone: magnitude and movement. Masks are chosen anew in every iteration after the warm-up. """

import torch
import torch.nn as nn

from lib.optimizers import get_sparsity, masks_for

class MagnitudePruning:
    """ global threshold on |w|, cubic ramp """

    power = 3

    def __init__(self, model, target_sparsity, warmup_steps, ramp_end_step):
        self.modules = [m for m in model.modules() if isinstance(m, nn.Linear)]
        self.masks = [torch.ones_like(m.weight) for m in self.modules]
        self.initial = [m.weight.detach().clone() for m in self.modules]
        self.target_sparsity = target_sparsity
        self.warmup_steps = warmup_steps
        self.ramp_end_step = ramp_end_step

    def score(self, w, w0):
        return w.abs()

    @torch.no_grad()
    def apply_masks(self):
        for module, mask in zip(self.modules, self.masks):
            module.weight.mul_(mask)

    @torch.no_grad()
    def update_masks(self, step):
        if step <= self.warmup_steps:
            return
        progress = min(1.0, (step - self.warmup_steps) / (self.ramp_end_step - self.warmup_steps))
        sparsity = self.target_sparsity * progress ** self.power
        scores = [self.score(m.weight, w0) for m, w0 in zip(self.modules, self.initial)]
        self.masks = masks_for(scores, sparsity)

    def get_sparsity(self):
        return get_sparsity(self.masks)

class MovementPruning(MagnitudePruning):
    """ global threshold on w * (w - w0), linear ramp: what moves towards zero goes first """

    power = 1

    def score(self, w, w0):
        return w * (w - w0)
