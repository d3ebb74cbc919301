"""
Optimizers, SPAM and state pruning, shared by the training scripts.

create_optimizer() returns the optimizer, a scheduler (or None), a clipping hint (or None), the SPAM state (or None) and
the state-pruning state (or None); the apply_... functions below work on these from inside a training loop.
"""

import math
from collections import deque

import numpy as np
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import CosineAnnealingLR

EPS = 1e-8

class SinkGD(torch.optim.Optimizer):
    """ gradient descent along a gradient with evened-out rows and columns; no state """

    def __init__(self, params, lr=1e-3, weight_decay=0.0, iterations=5, temperature=0.1):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, iterations=iterations, temperature=temperature))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group['params']:
                if p.grad is None:
                    continue
                g = p.grad
                if g.ndim < 2:
                    g = torch.tanh(g / (g.abs().sum() + EPS) / group['temperature'])
                else:
                    rms = g.flatten(1).square().mean().sqrt()
                    G = g.flatten(1)
                    for _ in range(group['iterations']):
                        G = G / (G.abs().sum(dim=1, keepdim=True) + EPS) # rows
                        G = G / (G.abs().sum(dim=0, keepdim=True) + EPS) # columns
                        G = torch.tanh(G / group['temperature'])
                    G = G * (rms / (G.square().mean().sqrt() + EPS))
                    g = G.view_as(g)
                if group['weight_decay'] != 0: # decoupled
                    p.mul_(1 - group['lr'] * group['weight_decay'])
                p.add_(g, alpha=-group['lr'])
        return loss

# ----------------------------------------------------------------------------------------------------------------------
# construction

def get_param_groups(model, weight_decay):
    if hasattr(model, 'configure_optimizers'):
        # the model knows best: one group, and its decay of zero stays
        return model.configure_optimizers()
    decay, no_decay = [], []
    for module_name, module in model.named_modules():
        for name, p in module.named_parameters(recurse=False): # tied weights are met twice
            is_norm = 'ln_' in module_name.split('.')[-1]
            (no_decay if is_norm or name == 'bias' else decay).append(p)
    return [{'params': decay, 'weight_decay': weight_decay}, {'params': no_decay, 'weight_decay': 0.0}]

def create_optimizer(model, name, lr, weight_decay, num_epochs, args):
    groups = get_param_groups(model, weight_decay)
    scheduler, clip, spam_state, prune_state = None, None, None, None
    base = args.adamwprune_base_optimizer_name if name == 'adamwprune' else name
    if base == 'sgd':
        optimizer = torch.optim.SGD(groups, lr=lr, momentum=0.9)
    elif base == 'adam':
        optimizer = torch.optim.Adam(groups, lr=lr)
    elif base == 'adamw':
        optimizer = torch.optim.AdamW(groups, lr=lr)
    elif base in ('adamwadv', 'adamwspam'):
        optimizer = torch.optim.AdamW(groups, lr=lr, amsgrad=True)
        scheduler = CosineAnnealingLR(optimizer, T_max=num_epochs, eta_min=1e-6)
        clip = 1.0
        if base == 'adamwspam':
            spam_state = dict(global_step=0, gradient_norms=deque(maxlen=100), spike_events=[], warmup_until=0,
                              theta=args.spam_theta, interval=args.spam_interval,
                              warmup_steps=args.spam_warmup_steps, enable_clip=args.spam_enable_clip)
    elif base == 'sinkgd':
        optimizer = SinkGD(groups, lr=lr, iterations=args.sinkgd_iterations, temperature=args.sinkgd_temperature)
    else:
        raise ValueError(f"unknown optimizer {base!r}")
    if name == 'adamwprune':
        for group in optimizer.param_groups:
            group['betas'] = (args.adamwprune_beta1, args.adamwprune_beta2)
            group['weight_decay'] = args.adamwprune_weight_decay # for every parameter, biases included
            group['amsgrad'] = bool(args.adamwprune_amsgrad) # any text is true, "false" as well
        if args.pruning_method == 'state':
            modules = [m for m in model.modules() if isinstance(m, nn.Linear)]
            prune_state = dict(modules=modules, masks=[torch.ones_like(m.weight) for m in modules],
                               target=args.target_sparsity, warmup=args.pruning_warmup, ramp_end=args.max_iters,
                               frequency=args.pruning_frequency, variant=args.adamwprune_variant)
    return optimizer, scheduler, clip, spam_state, prune_state

# ----------------------------------------------------------------------------------------------------------------------
# SPAM

def scale_moments(optimizer, first, second):
    for state in optimizer.state.values():
        if 'exp_avg' in state:
            state['exp_avg'].mul_(first)
            state['exp_avg_sq'].mul_(second)

@torch.no_grad()
def apply_spam_gradient_processing(optimizer, spam):
    """ clip elements, look for a spike of the gradient norm; before the global clip """
    if spam is None:
        return
    total = 0.0
    for group in optimizer.param_groups:
        for p in group['params']:
            if p.grad is None:
                continue
            state = optimizer.state.get(p, {})
            if spam['enable_clip'] and 'exp_avg_sq' in state:
                limit = torch.sqrt(spam['theta'] * (state['exp_avg_sq'] + 1e-12))
                too_large = p.grad.abs() > limit
                p.grad[too_large] = p.grad.sign()[too_large] * limit[too_large]
            total += p.grad.norm(2).item() ** 2
    norm = math.sqrt(total)
    spam['global_step'] += 1
    if not math.isfinite(norm):
        return
    norms = spam['gradient_norms']
    norms.append(norm)
    if len(norms) >= 10:
        previous = list(norms)[:-1]
        mean, std = np.mean(previous), np.std(previous)
        if std > 0 and (norm - mean) / std > 2.0:
            scale_moments(optimizer, 0.5, 0.9)
            spam['spike_events'].append(spam['global_step'])

@torch.no_grad()
def apply_periodic_spam_reset(optimizer, spam):
    """ forget the moments every so often, and warm up afterwards; right before the step """
    if spam is None:
        return
    spam['global_step'] += 1 # a second time in this iteration
    if spam['interval'] > 0:
        if spam['global_step'] % spam['interval'] == 0:
            scale_moments(optimizer, 0.0, 0.0) # the maximum that amsgrad keeps stays
            spam['warmup_until'] = spam['global_step'] + spam['warmup_steps']
        if spam['warmup_until'] > spam['global_step']:
            remaining = spam['warmup_until'] - spam['global_step']
            t = (spam['warmup_steps'] - remaining) / spam['warmup_steps']
            for group in optimizer.param_groups:
                group['lr'] = group['lr'] * max(1e-3, 0.5 * (1.0 - math.cos(math.pi * t)))

# ----------------------------------------------------------------------------------------------------------------------
# state pruning

def importance(variant, w, state, beta1):
    if 'exp_avg' not in state or variant in ('bitter1', 'bitter2'):
        return w.abs()
    m, v, t = state['exp_avg'], state['exp_avg_sq'], float(state['step'])
    if variant == 'bitter0':
        return (w * m).abs() * w.abs() / (torch.sqrt(v) + EPS)
    if variant in ('bitter3', 'bitter4'):
        return w.abs() * torch.sqrt(m.abs() + EPS)
    if variant == 'bitter5':
        return w.sign() * m / (torch.sqrt(v) + EPS) + 0.1 * w.abs()
    if variant == 'bitter6':
        return w.abs() * torch.sqrt(m.abs() + EPS) * torch.sqrt(m * m / (v + EPS))
    if variant == 'bitter7':
        return w.abs() * (v.abs() + EPS) ** 0.25
    if variant == 'bitter8':
        corrected = m / (1 - beta1 ** t + EPS)
        return w.abs() * torch.sqrt(corrected.abs() + EPS)
    if variant == 'bitter9':
        return w.abs() * torch.sqrt(m.abs() + EPS) + 0.1 * w.sign() * m / (torch.sqrt(v) + EPS)
    raise ValueError(f"unknown variant {variant!r}")

def masks_for(scores, sparsity):
    flat = torch.cat([s.flatten() for s in scores])
    k = int(sparsity * flat.numel())
    if k < 1:
        return [torch.ones_like(s) for s in scores]
    threshold = torch.kthvalue(flat, k).values
    return [(s > threshold).to(s.dtype) for s in scores]

@torch.no_grad()
def apply_prune_gradient_masking(prune):
    if prune is None:
        return
    for module, mask in zip(prune['modules'], prune['masks']):
        if module.weight.grad is not None:
            module.weight.grad.mul_(mask)

@torch.no_grad()
def update_prune_masks(optimizer, prune, step):
    if prune is None:
        return
    if step > prune['warmup'] and step % prune['frequency'] == 0:
        progress = min(1.0, (step - prune['warmup']) / (prune['ramp_end'] - prune['warmup']))
        sparsity = prune['target'] * progress ** 3
        beta1 = optimizer.param_groups[0]['betas'][0]
        scores = [importance(prune['variant'], m.weight, optimizer.state.get(m.weight, {}), beta1)
                  for m in prune['modules']]
        if prune['variant'] == 'bitter4': # every layer for itself, the late ones more
            n = len(scores)
            prune['masks'] = []
            for i, score in enumerate(scores):
                share = min(0.95, sparsity * (0.7 + 0.6 * (i / max(1, n - 1))))
                prune['masks'] += masks_for([score], share)
        else:
            prune['masks'] = masks_for(scores, sparsity)
    if step > prune['warmup']:
        for module, mask in zip(prune['modules'], prune['masks']):
            module.weight.mul_(mask)
            state = optimizer.state.get(module.weight, {})
            for key in ('exp_avg', 'exp_avg_sq'):
                if key in state:
                    state[key].mul_(mask)

def get_sparsity(masks):
    total = sum(mask.numel() for mask in masks)
    return 1.0 - sum(torch.count_nonzero(mask).item() for mask in masks) / total if total else 0.0
