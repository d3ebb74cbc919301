"""
Train GPT-2 with replaced parts: unified reciprocal attention (RA), reciprocal MLP (R-MLP), pruned values (KV).

$ python train_ra_mla.py --dataset shakespeare --ra-step V1

The data are those of train.py. Where there are none, random tokens are drawn instead.
"""

import argparse
import gc
import json
import math
import os
import pickle
import time
from contextlib import nullcontext

import numpy as np
import torch
import torch.nn as nn
from torch.distributed import destroy_process_group, init_process_group
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from lib.optimizers import (apply_periodic_spam_reset, apply_prune_gradient_masking, apply_spam_gradient_processing,
                            create_optimizer, update_prune_masks)
from lib.pruning import MagnitudePruning, MovementPruning
from model import GPT, GPTConfig, MLP, MODEL_SIZES

# ----------------------------------------------------------------------------------------------------------------------
# arguments

parser = argparse.ArgumentParser(description="Train GPT-2 with replaced parts.")
# model
parser.add_argument('--model-name', default='gpt2', choices=sorted(MODEL_SIZES))
parser.add_argument('--block-size', type=int, default=1024, help="tokens per sequence")
parser.add_argument('--dropout', type=float, default=0.1)
parser.add_argument('--bias', action=argparse.BooleanOptionalAction, default=True)
parser.add_argument('--ra-step', default='V0', help="V0 to V19, C1 to C3, 0 to 18, L0 to L7, S0 to S3, R0 to R3")
parser.add_argument('--low-size', type=int, default=64, help="R_ff of most steps with R-MLP")
parser.add_argument('--large-low-size', type=int, default=1152, help="R_ff of V13, V15 and V18")
parser.add_argument('--kept-positions', type=int, default=391, help="k of V14, V17 and C1 to C3")
parser.add_argument('--recent-positions', type=int, default=64)
parser.add_argument('--latent-channels', type=int, default=32, help="k of C1; C2 has half of it, C3 a quarter")
parser.add_argument('--narrow-channels', type=int, default=128,
                    help="of latents and contexts in 8 to 12, 14 to 16, L6, L7, S0 to S3")
parser.add_argument('--walk-neighbours', type=int, default=32)
parser.add_argument('--walk-window', type=int, default=128)
parser.add_argument('--activation-delay', type=int, default=75)
parser.add_argument('--calm-start', type=int, default=250)
parser.add_argument('--calm-interval', type=int, default=50)
parser.add_argument('--calm-window', type=int, default=100)
parser.add_argument('--calm-threshold', type=float, default=0.02)
# data, batch and length
parser.add_argument('--dataset', default='shakespeare', help="a folder name in the data directory")
parser.add_argument('--data-dir', default='data')
parser.add_argument('--batch-size', type=int, default=12, help="sequences per micro-step and process")
parser.add_argument('--gradient-accumulation', type=int, default=4, help="micro-steps per update and process")
parser.add_argument('--num-epochs', type=int, default=1, help="only for the schedulers, which nobody steps")
parser.add_argument('--max-iters', type=int, default=10000)
parser.add_argument('--max-time', type=float, default=None, help="seconds")
# optimization
parser.add_argument('--optimizer', default='adamw',
                    choices=['sgd', 'adam', 'adamw', 'adamwadv', 'adamwspam', 'adamwprune', 'sinkgd'])
parser.add_argument('--learning-rate', type=float, default=6e-4)
parser.add_argument('--min-lr', type=float, default=6e-5)
parser.add_argument('--weight-decay', type=float, default=0.1)
parser.add_argument('--warmup-steps', type=int, default=100)
parser.add_argument('--decay-lr', action='store_true', default=True)
parser.add_argument('--spam-theta', type=float, default=50.0)
parser.add_argument('--spam-interval', type=int, default=1000)
parser.add_argument('--spam-warmup-steps', type=int, default=100)
parser.add_argument('--spam-enable-clip', action='store_true')
parser.add_argument('--sinkgd-iterations', type=int, default=5)
parser.add_argument('--sinkgd-temperature', type=float, default=0.1)
parser.add_argument('--adamwprune-base-optimizer-name', default='adamw',
                    choices=['adam', 'adamw', 'adamwadv', 'adamwspam'])
parser.add_argument('--adamwprune-beta1', type=float, default=0.9)
parser.add_argument('--adamwprune-beta2', type=float, default=0.999)
parser.add_argument('--adamwprune-weight-decay', type=float, default=0.1)
parser.add_argument('--adamwprune-amsgrad', default='false')
parser.add_argument('--adamwprune-variant', default='bitter0', choices=[f'bitter{number}' for number in range(10)])
parser.add_argument('--pruning-method', default='none', choices=['none', 'magnitude', 'movement', 'state'])
parser.add_argument('--target-sparsity', type=float, default=0.5)
parser.add_argument('--pruning-warmup', type=int, default=1000)
parser.add_argument('--pruning-frequency', type=int, default=50, help="iterations between masks of state pruning")
# evaluation, output, system
parser.add_argument('--eval-interval', type=int, default=100)
parser.add_argument('--eval-samples', type=int, default=200)
parser.add_argument('--log-interval', type=int, default=10)
parser.add_argument('--checkpoint-dir', default='gpt2/outputs')
parser.add_argument('--device', default='cuda')
parser.add_argument('--dtype', default='bfloat16', choices=['float32', 'bfloat16', 'float16'])
parser.add_argument('--compile', action='store_true')
args = parser.parse_args()

# ----------------------------------------------------------------------------------------------------------------------
# the steps

step = dict(R=None, restart=False, low=None, mixer=False, gate=False, kv=None, latent=None, delay=None, calm=False,
            ratio=None, lens=None, walk=None, options={})
golden = max(args.recent_positions, int(args.block_size * (1.0 / (1.0 + 1.618)))) # "learned", in fact a constant
STEPS = {
    'V0': dict(),
    'V1': dict(R=4),
    'V2': dict(R=4, restart=True),
    'V3': dict(R=4, low=args.low_size),
    'V4': dict(R=4, low=args.low_size, mixer=True),
    'V5': dict(R=4, low=args.low_size, gate=True),
    'V6': dict(R=4, low=args.low_size, mixer=True, gate=True),
    'V7': dict(R=8),
    'V8': dict(R=8, restart=True),
    'V9': dict(R=2),
    'V10': dict(R=4, restart=True, mlp_ratio=6), # the ratio reaches nobody
    'V11': dict(low=args.low_size, delay=args.activation_delay),
    'V12': dict(R=4, delay=args.activation_delay),
    'V13': dict(low=args.large_low_size, delay=args.activation_delay),
    'V14': dict(low=args.low_size, delay=args.activation_delay, kv=args.kept_positions),
    'V15': dict(low=args.large_low_size, delay=args.activation_delay, kv=golden),
    'V16': dict(R=4, calm=True, per_head_gates=True), # the gates per head reach nobody
    'V17': dict(low=args.low_size, calm=True, kv=args.kept_positions),
    'V18': dict(low=args.large_low_size, calm=True, kv=golden),
    'V19': dict(kv=golden), # the values are pruned only beside an R-MLP, so nothing happens
    'C1': dict(kv=args.kept_positions, latent=args.latent_channels),
    'C2': dict(kv=args.kept_positions, latent=args.latent_channels // 2),
    'C3': dict(kv=args.kept_positions, latent=args.latent_channels // 4),
}

# older ones: RATIO
narrow = args.narrow_channels
STEPS.update({
    '0': dict(),
    '1': dict(options=dict(optimizer='adamwspam', pruning_method='magnitude', target_sparsity=0.5)),
    '2': dict(ratio=dict(mlp=5.0)),
    '3': dict(ratio=dict(mlp=4.25, gate=True)),
    '4': dict(ratio=dict(gate=True, cross=True)),
    '5': dict(ratio=dict(band=True)),
    '6': dict(ratio=dict(mlp=5.0, band=True)),
    '7': dict(ratio=dict(gate=True, cross=True, band=True)),
    '8': dict(ratio=dict(latent=narrow)),
    '9': dict(ratio=dict(mlp=10 / 3, latent=narrow)),
    '10': dict(ratio=dict(mlp=8 / 3, latent=narrow, gate=True, cross=True)),
    '11': dict(ratio=dict(mlp=10 / 3, latent=narrow, band=True)),
    '12': dict(ratio=dict(mlp=8 / 3, latent=narrow, gate=True, cross=True, band=True)),
    '13': dict(ratio=dict(rows='topk')),
    '14': dict(ratio=dict(mlp=10 / 3, latent=narrow, rows='topk')),
    '15': dict(ratio=dict(mlp=10 / 3, latent=narrow, band=True, rows='topk')),
    '16': dict(ratio=dict(mlp=8 / 3, latent=narrow, gate=True, cross=True, band=True, rows='topk')),
    '17': dict(ratio=dict(rows='topk', on_weights=True)),
    '18': dict(ratio=dict(rows='entropy')),
})
# lenses, and optimizers for the fullest of them
L6 = dict(transpose=True, discovery=True, route=True, latent=narrow, context=narrow)
STEPS.update({
    'L0': dict(lens=dict()),
    'L1': dict(lens=dict(transpose=True)),
    'L2': dict(lens=dict(discovery=True)),
    'L3': dict(lens=dict(transpose=True, discovery=True)),
    'L4': dict(lens=dict(transpose=True, discovery=True, no_mlp=True)),
    'L5': dict(lens=dict(transpose=True, discovery=True, route=True)),
    'L6': dict(lens=L6),
    'L7': dict(lens=dict(L6, conductor=True)),
    'S0': dict(lens=L6, options=dict(optimizer='adamwspam')),
    'S1': dict(lens=L6, options=dict(optimizer='sinkgd', sinkgd_temperature=0.1, sinkgd_iterations=5)),
    'S2': dict(lens=L6, options=dict(optimizer='sinkgd', sinkgd_temperature=0.05, sinkgd_iterations=10)),
    'S3': dict(lens=L6, options=dict(optimizer='sinkgd', sinkgd_temperature=0.2, sinkgd_iterations=3)),
})
# random walks with restart
STEPS.update({
    'R0': dict(),
    'R1': dict(walk=dict()),
    'R2': dict(walk=dict(reversible=True)),
    'R3': dict(walk=dict(reversible=True, forward=0.7)), # its bias of columns reaches nobody
})
if args.ra_step not in STEPS:
    raise ValueError(f"unknown step {args.ra_step!r}, expected one of {', '.join(STEPS)}")
step.update(STEPS[args.ra_step])
for key, value in step['options'].items(): # what a step brings along counts more than the command line
    setattr(args, key, value)

# ----------------------------------------------------------------------------------------------------------------------
# the parts

class UnifiedRAttention(nn.Module):
    """ one attention over [standard | reciprocal] channels; weights are drawn at the first forward pass """

    def __init__(self, config, R, restart):
        super().__init__()
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False) # Qf, Kf and V
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.resid_dropout = nn.Dropout(config.dropout)
        self.w_std = nn.Parameter(torch.tensor(0.9))
        self.w_rec = nn.Parameter(torch.tensor(0.1))
        self.alpha = nn.Parameter(torch.full((config.n_head,), 0.05)) if restart else None
        self.n_head = config.n_head
        self.n_embd = config.n_embd
        self.D = config.n_embd // config.n_head
        self.D_std = self.D - R
        self.dropout = config.dropout
        self.initialised = False

    def forward(self, x):
        if not self.initialised:
            self.initialised = True
            nn.init.xavier_uniform_(self.c_attn.weight)
            nn.init.xavier_uniform_(self.c_proj.weight)
        B, T, C = x.size()
        qf, kf, v = self.c_attn(x).split(self.n_embd, dim=2)
        qf = qf.view(B, T, self.n_head, self.D).transpose(1, 2)
        kf = kf.view(B, T, self.n_head, self.D).transpose(1, 2)
        v = v.view(B, T, self.n_head, self.D).transpose(1, 2)
        # the root, as both sides of the product are scaled
        g_std = torch.sqrt(torch.clamp(self.w_std, min=1e-8)).view(1, -1, 1, 1)
        g_rec = torch.sqrt(torch.clamp(self.w_rec, min=1e-8)).view(1, -1, 1, 1)
        qf = torch.cat([qf[..., :self.D_std] * g_std, qf[..., self.D_std:] * g_rec], dim=-1)
        kf = torch.cat([kf[..., :self.D_std] * g_std, kf[..., self.D_std:] * g_rec], dim=-1)
        y = F.scaled_dot_product_attention(qf, kf, v, dropout_p=self.dropout if self.training else 0.0,
                                           is_causal=True, scale=1.0 / math.sqrt(self.D))
        if self.alpha is not None: # start again from the position's own value
            a = torch.clamp(self.alpha, 0.0, 0.5).view(1, -1, 1, 1)
            y = (1.0 - a) * y + a * v
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.resid_dropout(self.c_proj(y))

class ReciprocalMLP(nn.Module):
    """ hidden channels in two parts, each behind a gate; weights are drawn at the first forward pass """

    def __init__(self, config, low, mixer, gate):
        super().__init__()
        hidden = 4 * config.n_embd
        self.up_std = nn.Linear(config.n_embd, hidden - low, bias=False)
        self.up_low = nn.Linear(config.n_embd, low, bias=False)
        self.mixer = nn.Linear(low, low, bias=False) if mixer else None
        self.down = nn.Linear(hidden, config.n_embd, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.w_std = nn.Parameter(torch.tensor(0.9))
        self.w_rec = nn.Parameter(torch.tensor(0.1))
        self.gate_alpha = nn.Parameter(torch.tensor(0.1)) if gate else None
        self.initialised = False

    def forward(self, x):
        if not self.initialised:
            self.initialised = True
            nn.init.xavier_uniform_(self.up_std.weight)
            nn.init.xavier_uniform_(self.up_low.weight)
            if self.mixer is not None:
                nn.init.xavier_uniform_(self.mixer.weight)
            nn.init.xavier_uniform_(self.down.weight)
        h_std = self.w_std * F.gelu(self.up_std(x))
        h_low = F.gelu(self.up_low(x))
        if self.mixer is not None:
            h_low = self.mixer(h_low)
        if self.gate_alpha is not None:
            h_low = self.gate_alpha * h_low
        return self.dropout(self.down(torch.cat([h_std, self.w_rec * h_low], dim=-1)))

class KVGeometry(nn.Module):
    """ values bent by a learned monotone spline per channel, cut to their principal directions, and bent back """

    def __init__(self, channels, latent, segments=6, reach=3.0):
        super().__init__()
        self.latent, self.segments, self.reach = latent, segments, reach
        self.width = 2.0 * reach / segments
        self.bend = nn.Parameter(torch.zeros(channels, segments)) # zero is a straight line
        self.register_buffer('mean', torch.zeros(channels))
        self.register_buffer('deviation', torch.ones(channels))
        self.register_buffer('basis', torch.zeros(channels, latent))
        self.register_buffer('fitted', torch.zeros((), dtype=torch.long))

    def spline(self):
        slopes = F.softplus(self.bend + math.log(math.e - 1.0))
        heights = F.pad(torch.cumsum(slopes, dim=-1) * self.width, (1, 0)) - self.reach
        return slopes, heights

    def pick(self, table, segment): # (channels, segments) at (..., channels)
        return torch.take_along_dim(table.expand(*segment.shape, -1), segment.unsqueeze(-1), -1).squeeze(-1)

    def forward(self, v):
        slopes, heights = self.spline()
        if self.fitted == 0: # the directions are those of the first values ever seen
            with torch.no_grad():
                flat = v.float().reshape(-1, v.size(-1))
                self.mean.copy_(flat.mean(dim=0))
                self.deviation.copy_(flat.std(dim=0).clamp(min=1e-6))
                flat = (flat - self.mean) / self.deviation
                vectors = torch.linalg.eigh(flat.T @ flat / flat.size(0)).eigenvectors
                self.basis.copy_(vectors[:, -self.latent:].flip(-1))
                self.fitted += 1
        z = (v.float() - self.mean) / self.deviation
        segment = ((z.detach() + self.reach) / self.width).floor().long().clamp(0, self.segments - 1)
        z = self.pick(heights, segment) + self.pick(slopes, segment) * (z - (segment * self.width - self.reach))
        z = z @ self.basis @ self.basis.T
        segment = (z.detach().unsqueeze(-1) >= heights[:, 1:-1]).sum(dim=-1)
        z = segment * self.width - self.reach + (z - self.pick(heights, segment)) / self.pick(slopes, segment)
        return (z * self.deviation + self.mean).to(v.dtype)

class PrunedKVAttention(nn.Module):
    """ attention over the values of the most important positions only, as judged in earlier calls """

    def __init__(self, attn, block_size, keep, recent, latent=None):
        super().__init__()
        self.geometry = KVGeometry(attn.n_embd // attn.n_head, latent) if latent is not None else None
        self.c_attn, self.c_proj, self.resid_dropout = attn.c_attn, attn.c_proj, attn.resid_dropout
        self.n_head, self.n_embd, self.dropout = attn.n_head, attn.n_embd, attn.dropout
        self.keep, self.recent = max(keep, recent), recent
        self.register_buffer('importance', torch.zeros(self.n_head, block_size))
        self.register_buffer('calls', torch.zeros((), dtype=torch.long))

    def forward(self, x):
        B, T, C = x.size()
        D = C // self.n_head
        q, k, v = self.c_attn(x).split(self.n_embd, dim=2)
        q = q.view(B, T, self.n_head, D).transpose(1, 2)
        k = k.view(B, T, self.n_head, D).transpose(1, 2)
        v = v.view(B, T, self.n_head, D).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        scores = scores.masked_fill(torch.triu(torch.ones(T, T, dtype=torch.bool, device=x.device), 1), float('-inf'))
        att = F.softmax(scores, dim=-1)
        mask = None
        if self.calls > 0 and self.keep < T:
            importance = self.importance[:, :T].clone()
            importance[:, T - self.recent:] = 1.0
            mask = torch.zeros_like(importance)
            mask.scatter_(-1, importance.topk(self.keep, dim=-1).indices, 1.0)
        with torch.no_grad():
            if self.calls % 8 == 0: # in evaluation too
                mass = att.detach().mean(dim=0).sum(dim=-2) / torch.arange(T, 0, -1, device=x.device)
                old = 0.9 if self.calls > 0 else 0.0
                self.importance[:, :T].mul_(old).add_(mass, alpha=1.0 - old)
            self.calls += 1
        if mask is not None:
            att = att * mask.unsqueeze(1) # what is left is not scaled up
        if self.geometry is not None:
            v = self.geometry(v)
        y = F.dropout(att, p=self.dropout, training=self.training) @ v
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.resid_dropout(self.c_proj(y))

def past(T, window=None): # where row i may look at column j
    mask = torch.ones(T, T, dtype=torch.bool).tril()
    return mask if window is None else mask.triu(-window)

class RatioAttention(nn.Module):
    """ attention with (some of) a latent for keys and values, scores both ways in a band, gates for rows and heads """

    def __init__(self, config, options):
        super().__init__()
        C = config.n_embd
        self.latent = options.get('latent')
        if self.latent is None:
            self.c_attn = nn.Linear(C, 3 * C, bias=config.bias)
        else:
            self.c_query = nn.Linear(C, C, bias=config.bias)
            self.c_down = nn.Linear(C, self.latent, bias=False)
            self.c_up = nn.Linear(self.latent, 2 * C, bias=False)
        self.c_proj = nn.Linear(C, C, bias=config.bias)
        self.resid_dropout = nn.Dropout(config.dropout)
        self.w_band = nn.Parameter(torch.tensor(0.3)) if options.get('band') else None
        self.rows, self.on_weights = options.get('rows'), options.get('on_weights', False)
        if self.rows:
            self.w_row = nn.Parameter(torch.ones(config.n_head))
            self.w_row_bias = nn.Parameter(torch.full((config.n_head,), 2.0))
        self.w_head = nn.Parameter(torch.tensor(0.1)) if options.get('gate') else None
        self.n_head, self.n_embd, self.dropout = config.n_head, config.n_embd, config.dropout

    def forward(self, x, gate):
        B, T, C = x.size()
        D = C // self.n_head
        if self.latent is None:
            q, k, v = self.c_attn(x).split(C, dim=2)
        else:
            q = self.c_query(x)
            k, v = self.c_up(self.c_down(x)).split(C, dim=2)
        q = q.view(B, T, self.n_head, D).transpose(1, 2)
        k = k.view(B, T, self.n_head, D).transpose(1, 2)
        v = v.view(B, T, self.n_head, D).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        if self.w_band is not None:
            scores = scores + self.w_band * scores.transpose(-2, -1).masked_fill(~past(T, 64).to(x.device), 0.0)
        att = F.softmax(scores.masked_fill(~past(T).to(x.device), float('-inf')), dim=-1)
        if self.w_head is not None and gate is not None:
            att = (1.0 - self.w_head) * att + self.w_head * (att * gate.unsqueeze(-1))
        if self.rows:
            if self.rows == 'topk':
                statistic = att.topk(min(8, T), dim=-1).values.sum(dim=-1)
            else:
                p = att.clamp(min=1e-12)
                statistic = -(p * p.log()).sum(dim=-1)
            g = torch.sigmoid(statistic * self.w_row.view(1, -1, 1) + self.w_row_bias.view(1, -1, 1)).unsqueeze(-1)
            if self.on_weights:
                att = (1.0 - 0.2) * att + 0.2 * (att * g)
        y = F.dropout(att, p=self.dropout, training=self.training) @ v
        if self.rows and not self.on_weights:
            y = y * g
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.resid_dropout(self.c_proj(y)), att

class RatioMLP(nn.Module):
    """ an MLP of any width that may look at the most attended positions, and gate the heads of the next block """

    def __init__(self, config, options):
        super().__init__()
        C, hidden = config.n_embd, int(options.get('mlp', 4.0) * config.n_embd)
        self.c_fc = nn.Linear(C, hidden, bias=config.bias)
        self.cross = self.gate_down = None
        if options.get('cross'):
            self.cross = nn.Linear(hidden, hidden, bias=False)
            self.w_cross = nn.Parameter(torch.tensor(0.3))
        if options.get('gate'):
            self.gate_down = nn.Linear(hidden, 64)
            self.gate_up = nn.Linear(64, config.n_head)
            nn.init.constant_(self.gate_up.bias, 2.0)
        self.c_proj = nn.Linear(hidden, C, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x, att):
        h, gate = F.gelu(self.c_fc(x)), None
        if self.cross is not None:
            with torch.no_grad():
                mean = att.mean(dim=1)
                values, places = mean.topk(min(8, x.size(1)), dim=-1)
                kept = torch.zeros_like(mean).scatter(-1, places, values)
                kept = kept / kept.sum(dim=-1, keepdim=True)
            h = h + self.w_cross * self.cross(kept @ h)
        if self.gate_down is not None: # from the positions so far: over all of them, the future would leak
            so_far = self.gate_down(h).cumsum(dim=1) / torch.arange(1, x.size(1) + 1, device=x.device).view(1, -1, 1)
            gate = torch.sigmoid(self.gate_up(so_far)).transpose(1, 2)
        return self.dropout(self.c_proj(h)), gate

class RatioBlock(nn.Module):

    def __init__(self, block, config, options):
        super().__init__()
        self.ln_1, self.ln_2 = block.ln_1, block.ln_2
        self.attn = RatioAttention(config, options)
        self.mlp = RatioMLP(config, options)

class RatioBlocks(nn.Module):
    """ all blocks in one, as each hands its gate to the next """

    def __init__(self, blocks, config, options):
        super().__init__()
        self.blocks = nn.ModuleList([RatioBlock(block, config, options) for block in blocks])

    def forward(self, x):
        gate = None
        for block in self.blocks:
            y, att = block.attn(block.ln_1(x), gate)
            x = x + y
            y, gate = block.mlp(block.ln_2(x), att)
            x = x + y
        return x

class LensAttention(nn.Module):
    """ scores, their transpose and a bias of columns, mixed per head """

    def __init__(self, config, options):
        super().__init__()
        C, latent = config.n_embd, options.get('latent')
        full = lambda: nn.Linear(C, C, bias=False)
        cut = lambda: nn.Sequential(nn.Linear(C, latent, bias=False), nn.Linear(latent, C, bias=False))
        self.c_query = full()
        self.c_key = cut() if latent else full()
        self.c_value = cut() if latent else full()
        self.c_proj = full()
        self.w_lens = nn.Parameter(torch.tensor([2.2, 0.6, 0.1]).repeat(config.n_head, 1))
        self.found = None
        if options.get('discovery'):
            self.found = nn.Parameter(0.02 * torch.randn(config.n_head, C // config.n_head))
        self.resid_dropout = nn.Dropout(config.dropout)
        self.transpose = options.get('transpose', False)
        self.n_head, self.dropout = config.n_head, config.dropout

    def forward(self, x):
        B, T, C = x.size()
        D = C // self.n_head
        q = self.c_query(x).view(B, T, self.n_head, D).transpose(1, 2)
        k = self.c_key(x).view(B, T, self.n_head, D).transpose(1, 2)
        v = self.c_value(x).view(B, T, self.n_head, D).transpose(1, 2)
        w = F.softmax(self.w_lens, dim=-1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        mixed = w[:, 0].view(1, -1, 1, 1) * scores
        if self.transpose:
            mixed = mixed + w[:, 1].view(1, -1, 1, 1) * scores.transpose(-2, -1)
        if self.found is not None:
            mixed = mixed + w[:, 2].view(1, -1, 1, 1) * torch.einsum('bhtd,hd->bht', k, self.found).unsqueeze(-2)
        att = F.softmax(mixed.masked_fill(~past(T).to(x.device), float('-inf')), dim=-1)
        y = F.dropout(att, p=self.dropout, training=self.training) @ v
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.resid_dropout(self.c_proj(y))

class ContextMLP(MLP):
    """ sees through a few channels what attention has found; conducted, only where the route is the MLP's """

    def __init__(self, config, rank, conductor):
        super().__init__(config)
        self.context_down = nn.Linear(config.n_embd, rank, bias=False)
        self.context_up = nn.Linear(rank, 4 * config.n_embd, bias=False)
        self.w_context = nn.Parameter(torch.tensor(0.1))
        self.conductor = conductor

    def forward(self, x, context, route):
        a = torch.clamp(self.w_context, 0.0, 1.0)
        if self.conductor:
            a = a * (route < 0.5)
        h = (1.0 - a) * self.gelu(self.c_fc(x)) + a * self.context_up(self.context_down(context))
        return self.dropout(self.c_proj(h))

class LensBlock(nn.Module):
    """ a learned route divides what attention and MLP add """

    def __init__(self, block, config, options):
        super().__init__()
        self.ln_1 = block.ln_1
        self.attn = LensAttention(config, options)
        self.mlp = None
        if not options.get('no_mlp'):
            self.ln_2, self.mlp = block.ln_2, block.mlp
        self.context = options.get('context')
        if self.context:
            self.mlp = ContextMLP(config, self.context, options.get('conductor', False))
        self.w_route = nn.Parameter(torch.tensor(2.2)) if options.get('route') else None

    def forward(self, x):
        a = self.attn(self.ln_1(x))
        y = x + a
        if self.mlp is None:
            return y
        if self.w_route is None:
            return y + self.mlp(self.ln_2(y))
        g = torch.sigmoid(self.w_route)
        m = self.mlp(self.ln_2(y), a.detach(), g) if self.context else self.mlp(self.ln_2(y))
        return x + g * a + (1.0 - g) * m

class WalkAttention(nn.Module):
    """ attention in a window, and a random walk with restart over earlier positions """

    def __init__(self, attn, options):
        super().__init__()
        self.c_attn, self.c_proj, self.resid_dropout = attn.c_attn, attn.c_proj, attn.resid_dropout
        self.n_head, self.n_embd, self.dropout = attn.n_head, attn.n_embd, attn.dropout
        self.reversible, self.share = options.get('reversible', False), options.get('forward', 1.0)

    def walk(self, similar):
        T = similar.size(-1)
        W = similar.clamp(min=0.0) * past(T).to(similar.device)
        W = W * torch.zeros_like(W).scatter(-1, W.topk(min(args.walk_neighbours, T), dim=-1).indices, 1.0)
        P = W / W.sum(dim=-1, keepdim=True).clamp(min=1e-8)
        reached = torch.eye(T, device=W.device, dtype=W.dtype)
        R = 0.2 * reached
        for t in range(1, 5):
            reached = reached @ P
            R = R + 0.2 * (1.0 - 0.2) ** t * reached
        return R

    def forward(self, x):
        B, T, C = x.size()
        D = C // self.n_head
        q, k, v = self.c_attn(x).split(self.n_embd, dim=2)
        q = q.view(B, T, self.n_head, D).transpose(1, 2)
        k = k.view(B, T, self.n_head, D).transpose(1, 2)
        v = v.view(B, T, self.n_head, D).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        att = F.softmax(scores.masked_fill(~past(T, args.walk_window).to(x.device), float('-inf')), dim=-1)
        y = F.dropout(att, p=self.dropout, training=self.training) @ v
        similar = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        back = similar.transpose(-2, -1)
        R = self.walk(0.5 * (similar + back) if self.reversible else similar)
        if self.share != 1.0:
            R = self.share * R + (1.0 - self.share) * self.walk(back)
        y = y + 0.3 * (R @ v)
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.resid_dropout(self.c_proj(y))

def patch(model):
    if step['ratio'] is not None:
        model.transformer.h = nn.ModuleList([RatioBlocks(model.transformer.h, model.config, step['ratio'])])
        return
    if step['lens'] is not None:
        model.transformer.h = nn.ModuleList(
            [LensBlock(block, model.config, step['lens']) for block in model.transformer.h])
        return
    for block in model.transformer.h:
        if step['R'] is not None:
            block.attn = UnifiedRAttention(model.config, step['R'], step['restart'])
        if step['low'] is not None:
            if step['kv'] is not None:
                block.attn = PrunedKVAttention(block.attn, model.config.block_size, step['kv'], args.recent_positions)
            block.mlp = ReciprocalMLP(model.config, step['low'], step['mixer'], step['gate'])
        if step['latent'] is not None:
            block.attn = PrunedKVAttention(block.attn, model.config.block_size, step['kv'], args.recent_positions,
                                           step['latent'])
        if step['walk'] is not None:
            block.attn = WalkAttention(block.attn, step['walk'])

def gate_analysis(model):
    """ mean, std, min and max of each kind of gate """
    kinds = {}
    for name, p in model.named_parameters():
        kind = name.split('.')[-1]
        if kind.startswith('w_') or kind in ('alpha', 'gate_alpha'):
            values = p.detach().flatten()
            if kind == 'alpha':
                values = values.clamp(0.0, 0.5)
            where = 'mlp' if name.split('.')[-2] == 'mlp' else 'attention'
            kinds.setdefault(f'{where}_{kind}', []).append(values)
    result = {}
    for kind in sorted(kinds):
        values = torch.cat(kinds[kind])
        std = values.std().item() if values.numel() > 1 else float('nan')
        result[kind] = dict(mean=values.mean().item(), std=std, min=values.min().item(), max=values.max().item())
    return result

# ----------------------------------------------------------------------------------------------------------------------
# processes, devices; nothing is seeded

ddp = 'RANK' in os.environ
if args.device.startswith('cuda') and not torch.cuda.is_available():
    print("CUDA is not available, training on the CPU")
    args.device = 'cpu'
device_type = 'cuda' if args.device.startswith('cuda') else 'cpu'
device = args.device
rank = 0
if ddp:
    init_process_group(backend='nccl' if device_type == 'cuda' else 'gloo')
    rank = int(os.environ['RANK'])
    if device_type == 'cuda':
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
master_process = rank == 0
if master_process:
    os.makedirs(args.checkpoint_dir, exist_ok=True)
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True
autocast_dtype = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}[args.dtype]
# on the CPU as well
autocast = nullcontext() if args.dtype == 'float32' else torch.amp.autocast(device_type, dtype=autocast_dtype)

# ----------------------------------------------------------------------------------------------------------------------
# data

data_path = os.path.join(args.data_dir, args.dataset)

def get_batch(split):
    path = os.path.join(data_path, f'{split}.bin')
    if not os.path.exists(path):
        x = torch.randint(50257, (args.batch_size, args.block_size))
        y = torch.randint(50257, (args.batch_size, args.block_size))
    else:
        tokens = np.memmap(path, dtype=np.uint16, mode='r')
        starts = torch.randint(len(tokens) - args.block_size, (args.batch_size,))
        x = torch.stack([torch.from_numpy(tokens[i:i + args.block_size].astype(np.int64)) for i in starts])
        y = torch.stack([torch.from_numpy(tokens[i + 1:i + 1 + args.block_size].astype(np.int64)) for i in starts])
    return x.to(device), y.to(device)

# ----------------------------------------------------------------------------------------------------------------------
# model, optimizer, pruner: in this order

n_layer, n_head, n_embd = MODEL_SIZES[args.model_name]
gpt_config = GPTConfig(block_size=args.block_size, n_layer=n_layer, n_head=n_head, n_embd=n_embd,
                       dropout=args.dropout, bias=args.bias)
meta_path = os.path.join(data_path, 'meta.pkl')
if os.path.exists(meta_path):
    with open(meta_path, 'rb') as file:
        gpt_config.vocab_size = pickle.load(file)['vocab_size']
model = GPT(gpt_config)
patch(model)
gates = [p for name, p in model.named_parameters() if name.endswith('w_rec')]
if step['delay'] is not None or step['calm']:
    for p in gates: # asleep; the optimizer gets them all the same
        p.data.zero_()
        p.requires_grad = False
model.to(device)
if master_process:
    brought = ''.join(f", {key} {value}" for key, value in step['options'].items())
    print(f"step {args.ra_step}{brought}, number of parameters: {model.get_num_params():,}")
if args.compile:
    model = torch.compile(model)
if ddp:
    model = DistributedDataParallel(
        model, device_ids=[torch.device(device).index] if device_type == 'cuda' else None, find_unused_parameters=True)
raw_model = model.module if ddp else model

optimizer, scheduler, clip_hint, spam_state, prune_state = create_optimizer(
    model, args.optimizer, args.learning_rate, args.weight_decay, args.num_epochs, args)
pruner = None
if args.pruning_method in ('magnitude', 'movement'):
    pruner_class = MagnitudePruning if args.pruning_method == 'magnitude' else MovementPruning
    pruner = pruner_class(raw_model, args.target_sparsity, args.pruning_warmup, args.max_iters)

# ----------------------------------------------------------------------------------------------------------------------
# schedule, evaluation, checkpoints

def get_lr(it):
    if it < args.warmup_steps:
        return args.learning_rate * it / args.warmup_steps
    if it > args.max_iters:
        return args.min_lr
    ratio = (it - args.warmup_steps) / (args.max_iters - args.warmup_steps)
    return args.min_lr + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (args.learning_rate - args.min_lr)

@torch.no_grad()
def evaluate():
    """ mean training loss, then mean validation loss, on every rank """
    out = {}
    raw_model.eval()
    for split in ('train', 'val'):
        losses = np.zeros(args.eval_samples)
        for k in range(args.eval_samples):
            x, y = get_batch(split)
            with autocast:
                _, loss = raw_model(x, y)
            losses[k] = loss.item()
        out[split] = float(losses.mean())
    raw_model.train()
    return out

def save_checkpoint(filename, val_loss):
    content = {
        'iteration': it,
        'model_state_dict': raw_model.state_dict(),
        'optimizer_state_dict': optimizer.state_dict(),
        'val_loss': val_loss,
        'config': gpt_config,
    }
    # a run that is killed while it writes must not leave half a checkpoint under the good name
    temporary = os.path.join(args.checkpoint_dir, 'ckpt_temp.pt')
    torch.save(content, temporary)
    os.rename(temporary, os.path.join(args.checkpoint_dir, filename))

# ----------------------------------------------------------------------------------------------------------------------
# the training loop

metrics = {name: [] for name in ('iterations', 'train_losses', 'val_losses', 'perplexities')}
losses = [] # of all iterations
awake = False
best_val_loss = float('inf')
it = 0
start_time = time.time()
t0 = start_time
while it < args.max_iters:

    if args.max_time is not None and time.time() - start_time >= args.max_time:
        break

    lr = get_lr(it)
    for group in optimizer.param_groups:
        group['lr'] = lr

    # wake the reciprocal parts
    wake = step['delay'] is not None and it == step['delay']
    if step['calm'] and not awake and it >= args.calm_start and it % args.calm_interval == 0 \
            and len(losses) >= args.calm_window:
        wake = bool(np.var(losses[-args.calm_window:]) < args.calm_threshold)
    if wake:
        awake = True
        for p in gates:
            p.data.fill_(0.1)
            p.requires_grad = True
        if master_process:
            print(f"reciprocal parts wake up at iteration {it}")

    # evaluate, say so, save: before the update
    if it % args.eval_interval == 0 or it == args.max_iters - 1:
        means = evaluate()
        if master_process:
            print(f"eval {it}: train loss {means['train']:.4f}, val loss {means['val']:.4f}, "
                  f"ppl {float(np.exp(means['val'])):.2f}")
            metrics['iterations'].append(it)
            metrics['train_losses'].append(means['train'])
            metrics['val_losses'].append(means['val'])
            metrics['perplexities'].append(float(np.exp(means['val'])))
            if means['val'] < best_val_loss:
                best_val_loss = means['val']
                save_checkpoint('best_model.pt', best_val_loss)

    # forward and backward, several times over
    optimizer.zero_grad(set_to_none=True)
    total_loss = 0.0
    for micro_step in range(args.gradient_accumulation):
        x, y = get_batch('train')
        with autocast:
            _, loss = model(x, y)
            loss = loss / args.gradient_accumulation
        loss.backward()
        total_loss += loss.item()
    losses.append(total_loss)

    apply_prune_gradient_masking(prune_state)
    apply_spam_gradient_processing(optimizer, spam_state)
    if clip_hint is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_hint)
    apply_periodic_spam_reset(optimizer, spam_state)
    optimizer.step()
    if pruner is not None:
        pruner.apply_masks()
    update_prune_masks(optimizer, prune_state, it)
    if pruner is not None:
        pruner.update_masks(it)
        pruner.apply_masks()

    if it % args.log_interval == 0 and master_process:
        t1 = time.time()
        print(f"iter {it}: loss {total_loss:.4f}, lr {lr:.2e}, time {1000 * (t1 - t0):.1f}ms")
        t0 = t1
    it += 1

# ----------------------------------------------------------------------------------------------------------------------
# the end of the run

means = evaluate()
if master_process:
    print(f"final: train loss {means['train']:.4f}, val loss {means['val']:.4f}, "
          f"ppl {float(np.exp(means['val'])):.2f}")
    analysis = gate_analysis(raw_model)
    for kind, summary in analysis.items():
        print(f"gate {kind}: mean {summary['mean']:.6f}, std {summary['std']:.6f}, min {summary['min']:.6f}, "
              f"max {summary['max']:.6f}")
    save_checkpoint('final_model.pt', means['val'])
    metrics.update(step=args.ra_step, best_val_loss=best_val_loss, final_train_loss=means['train'],
                   final_val_loss=means['val'], final_iteration=it, gates=analysis,
                   total_time=time.time() - start_time)
    with open(os.path.join(args.checkpoint_dir, 'metrics.json'), 'w') as file:
        json.dump(metrics, file, indent=2)

if ddp:
    # the wrapped model keeps the group alive, and a gloo thread that outlives the interpreter aborts the process
    del model, raw_model, optimizer, pruner, prune_state
    gc.collect()
    destroy_process_group()
