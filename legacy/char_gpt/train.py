"""
Train a token-level GPT from binary token files, on one device or on many.

One process:
$ python train.py --dataset=shakespeare_char --device=cpu --compile=False

Two processes on one machine without a GPU:
$ torchrun --nproc_per_node=2 train.py --dataset=shakespeare_char --device=cpu --backend=gloo --compile=False

The data are flat files of little-endian uint16 token ids in data/<dataset>/: train.bin (or several shards), val.bin
and, where the vocabulary is known, meta.pkl with the key 'vocab_size'.
"""

import copy
import gc
import importlib
import json
import math
import os
import pickle
import platform
import random
import re
import signal
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.distributed import broadcast, destroy_process_group, init_process_group
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

# ----------------------------------------------------------------------------------------------------------------------
# hyper-parameters: every plain value below can be overridden, see configurator.py
# input/output
out_dir = 'out' # checkpoints and mfu_stats.txt go here
eval_interval = 2000 # evaluate every so many iterations, iteration 0 included
log_interval = 1 # print a line every so many iterations
eval_iters = 200 # batches per split in one evaluation
eval_only = False # leave after the evaluation at iteration 0
always_save_checkpoint = True # save at every evaluation, not only when the validation loss has improved
init_from = 'scratch' # 'scratch', 'resume', or the name of a GPT-2 whose weights to start from, such as 'gpt2-medium'
gpt2_dir = None # where those weights are, <name>/pytorch_model.bin; None means download, which needs transformers
log_dir = 'logs' # one log_run_<timestamp>.txt per run goes here
file_logging = True # write that log file
vocab_size = None # used only when the data directory holds no meta.pkl
analysis = 'off' # look inside the network at evaluations: 'async' in a thread, 'sync' at once
ignored_outlayers_sum = 0.01 # share of the served tokens, the rarest of them, that the analysis leaves out
wandb_log = False # tell Weights & Biases
trackio_log = False # tell trackio
wandb_project = 'owt' # the project of both
wandb_run_name = 'gpt2' # the time of the start is added, and a resumed run keeps the name that it had
# data
dataset = 'fineweb10B' # a folder name under data/
data_dir = None # where the token files are; None means data/<dataset>
train_shard_filenames = ['train.bin'] # fineweb10B replaces this default by its own 103 names
num_train_shards = 1 # becomes the length of the list above; any value but 1 has to agree with it
data_seed = 1337 # for the places where training batches are cut, plus the rank
background_batches = False # cut batches ahead in a thread, at places that nobody seeds; else when they are needed
curriculum_alpha = 1.0 # tokens to aim at: 1.0 all alike, 0.0 as in the corpus; any value but 1.0 scores batches
corpus_tokens = 100000000 # tokens, over all shards, from which the frequencies in the corpus are estimated
corpus_dist_dir = None # where that estimate is kept; None means the data directory
# vocabulary
shrunken_vocab_size = None # size of a smaller vocabulary, onto which the tokens of the data are mapped
vocab_remapping_file = None # a LongTensor: the smaller vocabulary's id of each token
RARE_TOKEN_ID = None # the id that stands for all tokens which the smaller vocabulary leaves out
# batch
gradient_accumulation_steps = 40 # micro-steps per update, summed over all processes
batch_size = 12 # sequences per micro-step and process
block_size = 1024 # tokens per sequence
# model
n_layer = 12
n_head = 12
n_embd = 768
dropout = 0.0 # 0 is fine for pretraining, try 0.1 and more on small data
bias = False # biases in the linear layers and layer norms
n_hidden = None # width of the MLP; None means 4 * n_embd
use_rotary_embeddings = False # rotate queries and keys instead of learning a position table
rotary_base = 10000 # longest wavelength of the rotation, divided by 2 pi
rotary_max_position_embeddings = 2048 # positions for which rotations are tabulated
embedding_mode = 'standard' # 'standard', or 'lora': freeze the token embedding and train a low-rank addition to it
attn_lora_rank = 0 # the same for query, key and value; 0 means that they are trained themselves
embedding_rank = 0 # rank of the addition to the token embedding
lora_alpha = 1.0 # additions count alpha / rank times
# optimisation
learning_rate = 6e-4 # the peak, reached after warm-up
max_iters = 600000 # index of the last iteration (so there is one update more than this)
weight_decay = 0.1 # for matrices and embeddings only
beta1 = 0.9
beta2 = 0.95
grad_clip = 1.0 # largest global gradient norm; 0.0 means no clipping
decay_lr = True # has no effect, the schedule always applies (see ../README.md)
warmup_iters = 2000 # iterations of linear warm-up
lr_decay_iters = 600000 # the cosine ends here
min_lr = 6e-5 # and from here on the learning rate stays at this
# scaling: operations that change the run at evaluations, one after the other
scaling_schedule_file = None # a list of them, which remembers which are completed: JSON, or YAML by its name
scaling_schedule = [] # the same list, for a run from scratch whose file is not there yet
target_architecture_config = None # sizes by key that they should lead to; where they lead elsewhere, the log says so
# system
backend = 'nccl' # 'nccl', 'gloo', ...: how processes talk to each other
device = 'cuda' # 'cpu', 'cuda', 'cuda:1', ...
dtype = 'bfloat16' if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else 'float16' # or 'float32'
compile = True # run the model through torch.compile
seed = 1337 # for the global torch generator, plus the rank
# ----------------------------------------------------------------------------------------------------------------------
config_keys = [name for name, value in list(globals().items())
               if not name.startswith('_') and isinstance(value, (int, float, bool, str, list, type(None)))]
exec(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'configurator.py')).read())

if dataset == 'fineweb10B' and train_shard_filenames == ['train.bin']:
    train_shard_filenames = [f'fineweb_train_{number:06d}.bin' for number in range(1, 104)]
if num_train_shards not in (1, len(train_shard_filenames)):
    sys.exit(f"num_train_shards={num_train_shards}, but train_shard_filenames has {len(train_shard_filenames)} names")
num_train_shards = len(train_shard_filenames)

# ----------------------------------------------------------------------------------------------------------------------
# where the run begins: from scratch, or where an earlier one stopped
master_process = os.environ.get('RANK', '0') == '0'

# a scratch run that finds the mark of an earlier one in its output directory goes on from there
auto_resume_marker = os.path.join(out_dir, '.auto_resume')
if init_from == 'scratch' and os.path.exists(auto_resume_marker):
    print(f"found {auto_resume_marker}, switching init_from to 'resume'")
    init_from = 'resume'

def read_checkpoint(name):
    """ the content of a file in out_dir, or None where it cannot be read """
    try:
        return torch.load(os.path.join(out_dir, name), map_location='cpu', weights_only=True)
    except Exception as error: # damaged files raise almost anything
        if master_process:
            print(f"cannot read {os.path.join(out_dir, name)}: {type(error).__name__}")
        return None

def read_newest_checkpoint():
    """ ckpt.pt, or an emergency checkpoint of a higher iteration; whatever cannot be read is passed over """
    names = os.listdir(out_dir) if os.path.isdir(out_dir) else []
    newest, content = 'ckpt.pt', read_checkpoint('ckpt.pt') if 'ckpt.pt' in names else None
    # by number: iteration 10 is later than iteration 9
    matches = (re.fullmatch(r'emergency_ckpt_iter_(\d+)\.pt', name) for name in names)
    numbers = [int(match[1]) for match in matches if match]
    for number in sorted(numbers, reverse=True):
        if content is not None and number <= content['iter_num']:
            break
        emergency = read_checkpoint(f'emergency_ckpt_iter_{number}.pt')
        if emergency is not None:
            newest, content = f'emergency_ckpt_iter_{number}.pt', emergency
            break
    if content is None:
        raise FileNotFoundError(f"no checkpoint that can be read in {out_dir}")
    if master_process:
        print(f"resuming from {os.path.join(out_dir, newest)}")
        if content.get('emergency_save'):
            print("it was saved in an emergency")
    return content

# these and the shape of the model are the checkpoint's, unless somebody has set them for this run
training_keys = ('learning_rate', 'max_iters', 'weight_decay', 'beta1', 'beta2', 'grad_clip', 'decay_lr',
                 'warmup_iters', 'lr_decay_iters', 'min_lr', 'batch_size', 'gradient_accumulation_steps',
                 'eval_interval', 'eval_iters', 'curriculum_alpha')
checkpoint = None
resume_overrides = []
set_by_operations = {} # hyper-parameters that operations have changed since the run began
if init_from == 'resume':
    checkpoint = read_newest_checkpoint()
    operated = checkpoint.get('set_by_operations', {})
    set_by_operations = {name: value for name, value in operated.items() if name not in overridden_keys}
    remembered = {name: checkpoint['config'][name] for name in training_keys if name in checkpoint['config']}
    for name, saved in {**remembered, **checkpoint['model_args']}.items():
        if name not in overridden_keys:
            globals()[name] = saved
        elif globals()[name] != operated.get(name, saved):
            resume_overrides.append(f"{name}: {operated.get(name, saved)!r} -> {globals()[name]!r}")

# what the checkpoints remember of the configuration, as it was when the run began; lists are left out
config = {name: globals()[name] for name in config_keys
          if isinstance(globals()[name], (int, float, bool, str, type(None)))}
stream_batch_size = batch_size # operations do not reach the batches of the training stream
globals().update(set_by_operations)

# ----------------------------------------------------------------------------------------------------------------------
# the model

class LayerNorm(nn.Module):
    """ layer norm whose bias can be switched off """

    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)

class RotaryTable(nn.Module):
    """ cosines and sines of position * frequency, one row per position, one column per pair of channels """

    def __init__(self, head_size, base, max_positions):
        super().__init__()
        frequency = base ** (-torch.arange(0, head_size, 2, dtype=torch.float32) / head_size)
        angle = torch.outer(torch.arange(max_positions, dtype=torch.float32), frequency)
        # computed from the configuration, hence not part of the state dict
        self.register_buffer('cos', angle.cos(), persistent=False)
        self.register_buffer('sin', angle.sin(), persistent=False)

    def forward(self, x):
        # x is (B, H, T, head_size); channel i is paired with channel i + head_size / 2
        T = x.size(2)
        cos, sin = self.cos[:T].to(x.dtype), self.sin[:T].to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)

class LoRALinear(nn.Module):
    """ a frozen linear layer plus alpha / r * B A, of which only the narrow matrices A and B are trained """

    def __init__(self, main_weight, rank, alpha):
        super().__init__()
        self.main_weight = main_weight
        self.main_weight.weight.requires_grad_(False)
        self.scale = alpha / rank
        like = main_weight.weight
        self.lora_A = nn.Parameter(like.new_empty(rank, like.size(1)))
        self.lora_B = nn.Parameter(like.new_empty(like.size(0), rank))
        self.reset()

    def reset(self):
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B) # nothing is added at first

    def forward(self, x):
        return self.main_weight(x) + self.scale * F.linear(F.linear(x, self.lora_A), self.lora_B)

    def merged_weight(self):
        return self.main_weight.weight.detach() + self.scale * self.lora_B.detach() @ self.lora_A.detach()

class LoRAEmbedding(nn.Module):
    """ a frozen embedding plus alpha / r * B A, with one narrow row of A per token """

    def __init__(self, main_weight, rank, alpha):
        super().__init__()
        self.main_weight = main_weight
        self.main_weight.weight.requires_grad_(False)
        self.scale = alpha / rank
        like = main_weight.weight
        self.lora_A = nn.Parameter(like.new_empty(like.size(0), rank))
        self.lora_B = nn.Parameter(like.new_empty(like.size(1), rank))
        self.reset()

    def reset(self):
        nn.init.normal_(self.lora_A, mean=0.0, std=0.02)
        nn.init.zeros_(self.lora_B)

    def forward(self, idx):
        return self.main_weight(idx) + self.scale * F.linear(F.embedding(idx, self.lora_A), self.lora_B)

    def merged_weight(self):
        return self.main_weight.weight.detach() + self.scale * self.lora_A.detach() @ self.lora_B.detach().T

def merge_lora(layer):
    """ move what has been learned into the frozen weight, and start learning anew """
    with torch.no_grad():
        layer.main_weight.weight.copy_(layer.merged_weight())
        layer.reset()

def set_lora_rank(layer, rank, alpha):
    """ a layer that computes the same, with an untrained addition of another rank; rank 0 makes it a plain layer """
    if isinstance(layer, (LoRALinear, LoRAEmbedding)):
        merge_lora(layer)
        layer = layer.main_weight
        layer.weight.requires_grad_(True)
    if rank == 0:
        return layer
    return (LoRAEmbedding if isinstance(layer, nn.Embedding) else LoRALinear)(layer, rank, alpha)

class CausalSelfAttention(nn.Module):

    def __init__(self, args):
        super().__init__()
        assert args.n_embd % args.n_head == 0, f"n_embd={args.n_embd} is not a multiple of n_head={args.n_head}"
        self.c_attn = set_lora_rank(nn.Linear(args.n_embd, 3 * args.n_embd, bias=args.bias), # query, key, value
                                    args.attn_lora_rank, args.lora_alpha)
        self.c_proj = nn.Linear(args.n_embd, args.n_embd, bias=args.bias)
        self.resid_dropout = nn.Dropout(args.dropout)
        self.n_head = args.n_head
        self.dropout = args.dropout
        self.rotary = None
        if args.use_rotary_embeddings:
            head_size = args.n_embd // args.n_head
            assert head_size % 2 == 0, f"rotary embeddings need an even head size, got {head_size}"
            assert args.block_size <= args.rotary_max_position_embeddings, \
                f"block_size={args.block_size} exceeds rotary_max_position_embeddings={args.rotary_max_position_embeddings}"
            self.rotary = RotaryTable(head_size, args.rotary_base, args.rotary_max_position_embeddings)

    def project(self, x):
        B, T, C = x.size()
        q, k, v = (part.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
                   for part in self.c_attn(x).split(C, dim=2)) # each (B, H, T, C / H)
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        return q, k, v

    def forward(self, x):
        q, k, v = self.project(x)
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0, is_causal=True)
        y = y.transpose(1, 2).contiguous().view(x.size()) # heads side by side again
        return self.resid_dropout(self.c_proj(y))

class MLP(nn.Module):

    def __init__(self, args):
        super().__init__()
        hidden = 4 * args.n_embd if args.n_hidden is None else args.n_hidden
        self.c_fc = nn.Linear(args.n_embd, hidden, bias=args.bias)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(hidden, args.n_embd, bias=args.bias)
        self.dropout = nn.Dropout(args.dropout)

    def forward(self, x):
        return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))

class Block(nn.Module):

    def __init__(self, args):
        super().__init__()
        self.ln_1 = LayerNorm(args.n_embd, args.bias)
        self.attn = CausalSelfAttention(args)
        self.ln_2 = LayerNorm(args.n_embd, args.bias)
        self.mlp = MLP(args)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))

@dataclass
class GPTConfig:
    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    bias: bool
    vocab_size: int
    dropout: float
    n_hidden: int
    use_rotary_embeddings: bool
    rotary_base: int
    rotary_max_position_embeddings: int
    embedding_mode: str
    embedding_rank: int
    attn_lora_rank: int
    lora_alpha: float

class GPT(nn.Module):

    def __init__(self, args):
        super().__init__()
        assert args.vocab_size is not None
        assert args.embedding_mode in ('standard', 'lora'), f"unknown embedding_mode {args.embedding_mode!r}"
        assert args.embedding_mode == 'standard' or args.embedding_rank > 0, "mode 'lora' needs an embedding_rank"
        self.args = args
        parts = {'wte': set_lora_rank(nn.Embedding(args.vocab_size, args.n_embd),
                                      args.embedding_rank if args.embedding_mode == 'lora' else 0, args.lora_alpha)}
        if not args.use_rotary_embeddings: # rotary models have no position table
            parts['wpe'] = nn.Embedding(args.block_size, args.n_embd)
        parts['drop'] = nn.Dropout(args.dropout)
        parts['h'] = nn.ModuleList([Block(args) for _ in range(args.n_layer)])
        parts['ln_f'] = LayerNorm(args.n_embd, args.bias)
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.Linear(args.n_embd, args.vocab_size, bias=False)
        self.tie_weights()
        self.apply(self.init_weights)
        # two additions to the residual stream per layer, so that its variance does not grow with depth
        for name, parameter in self.named_parameters():
            if name.endswith('c_proj.weight'):
                nn.init.normal_(parameter, mean=0.0, std=0.02 / math.sqrt(2 * args.n_layer))

    def token_embedding(self):
        """ the embedding without what LoRA adds to it """
        wte = self.transformer.wte
        return wte.main_weight if isinstance(wte, LoRAEmbedding) else wte

    def tie_weights(self):
        """ one matrix reads tokens and predicts them; frozen in the one place, it is frozen in the other """
        self.lm_head.weight.requires_grad_(self.token_embedding().weight.requires_grad)
        self.token_embedding().weight = self.lm_head.weight

    def init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def get_num_params(self):
        """ parameters without the position table, which does no multiplication """
        total = sum(parameter.numel() for parameter in self.parameters())
        return total - (self.transformer.wpe.weight.numel() if 'wpe' in self.transformer else 0)

    def forward(self, idx, targets=None):
        T = idx.size(1)
        assert T <= self.args.block_size, f"sequence of {T} tokens, block_size is {self.args.block_size}"
        x = self.transformer.wte(idx) # (B, T, C)
        if 'wpe' in self.transformer:
            x = x + self.transformer.wpe(torch.arange(T, device=idx.device)) # (T, C), the same for each row
        x = self.transformer.drop(x)
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None # only the last position is needed to sample
        logits = self.lm_head(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss

    def crop_block_size(self, block_size):
        """ forget the positions behind block_size """
        assert block_size <= self.args.block_size
        self.args.block_size = block_size
        if 'wpe' in self.transformer:
            self.transformer.wpe.weight = nn.Parameter(self.transformer.wpe.weight.detach()[:block_size].clone())

    def lora_layers(self):
        return {name: layer for name, layer in self.named_modules() if isinstance(layer, (LoRALinear, LoRAEmbedding))}

    def merged_state_dict(self):
        """ the state dict of a model without LoRA; only the output layer computes something else if its twin has one """
        layers = self.lora_layers()
        if not layers:
            return self.state_dict()
        state = {}
        for name, tensor in self.state_dict().items():
            layer, is_main, kind = name.partition('.main_weight.')
            if is_main:
                state[f'{layer}.{kind}'] = layers[layer].merged_weight() if kind == 'weight' else tensor
            elif not name.endswith(('.lora_A', '.lora_B')):
                state[name] = tensor
        state['lm_head.weight'] = state['transformer.wte.weight'] # still one matrix
        return state

    def load_merged_state_dict(self, state):
        """ the other way round: additions stay as they are """
        for name in self.lora_layers():
            state = {key.replace(f'{name}.', f'{name}.main_weight.'): tensor for key, tensor in state.items()}
        missing, unexpected = self.load_state_dict(state, strict=False)
        left = [name for name in missing if not name.endswith(('.lora_A', '.lora_B'))]
        assert not left and not unexpected, f"missing {left}, unexpected {unexpected}"

    def resize_vocabulary(self, vocab_size, source, noise):
        """ let new tokens begin near the token `source`, at distances of about `noise` per channel """
        def grow(rows, deviation):
            more = rows[source].expand(vocab_size - rows.size(0), -1)
            return torch.cat((rows, more + deviation * torch.randn_like(more)))

        wte = self.transformer.wte
        with torch.no_grad():
            self.lm_head.weight = nn.Parameter(grow(self.lm_head.weight, noise))
            if isinstance(wte, LoRAEmbedding):
                wte.lora_A = nn.Parameter(grow(wte.lora_A, 0.0))
        self.tie_weights()
        self.token_embedding().num_embeddings = self.lm_head.out_features = self.args.vocab_size = vocab_size

    def configure_optimizer(self, weight_decay, learning_rate, betas, device_type):
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        groups = [
            {'params': [p for p in trainable if p.dim() >= 2], 'weight_decay': weight_decay}, # matrices, embeddings
            {'params': [p for p in trainable if p.dim() < 2], 'weight_decay': 0.0}, # biases, layer norms
        ]
        if master_process:
            for title, group in zip(('decayed', 'not decayed'), groups):
                print(f"{title}: {len(group['params'])} tensors, {sum(p.numel() for p in group['params']):,} parameters")
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=1e-8, fused=(device_type == 'cuda'))

    def estimate_mfu(self, sequences, dt):
        """ share of the 121 TFLOPS of the reference card that `sequences` sequences in `dt` seconds amount to """
        if dt <= 0:
            return 0.0
        a = self.args
        L, H, Q, T = a.n_layer, a.n_head, a.n_embd // a.n_head, a.block_size
        flops_per_token = 6 * self.get_num_params() + 12 * L * H * Q * T
        return flops_per_token * T * sequences / dt / 121e12

gpt2_sizes = {
    'gpt2-tiny': dict(n_layer=2, n_head=2, n_embd=32), # for trying things out
    'gpt2': dict(n_layer=12, n_head=12, n_embd=768), # 124M parameters
    'gpt2-medium': dict(n_layer=24, n_head=16, n_embd=1024), # 350M
    'gpt2-large': dict(n_layer=36, n_head=20, n_embd=1280), # 774M
    'gpt2-xl': dict(n_layer=48, n_head=25, n_embd=1600), # 1558M
}

def load_gpt2(name):
    """ the weights of a GPT-2 under the names of this model """
    if gpt2_dir is not None:
        weights = torch.load(os.path.join(gpt2_dir, name, 'pytorch_model.bin'))
    else:
        from transformers import GPT2LMHeadModel
        weights = GPT2LMHeadModel.from_pretrained(name).state_dict()
    state = {}
    for key, tensor in weights.items():
        key = key.removeprefix('transformer.') # some files have it, some have not
        if key == 'lm_head.weight' or key.endswith(('.attn.bias', '.attn.masked_bias')): # the embedding, causal masks
            continue
        if key.endswith(('c_attn.weight', 'c_proj.weight', 'c_fc.weight')): # stored as (inputs, outputs)
            tensor = tensor.t()
        state['transformer.' + key] = tensor
    state['lm_head.weight'] = state['transformer.wte.weight']
    return state

# ----------------------------------------------------------------------------------------------------------------------
# the data

class BatchManager:
    """
    a buffer of training batches, cut 50 at a time from one shard after the other: first in, first out, until the target
    distribution changes. Then batches of tokens that have been served too rarely come first
    """

    batches_per_refill = 50
    capacity = 2000

    def __init__(self, paths, batch_size, block_size, device, seed, vocab_size, background):
        self.paths = paths
        self.batch_size = batch_size
        self.block_size = block_size
        self.device = device
        # private, so that nobody else moves the places where batches are cut; the thread takes the generator of all
        self.rng = random if background else random.Random(seed)
        self.next_shard = 0
        self.buffer = deque() # of score, x, y
        self.lock = threading.Lock()
        self.uniform_dist = torch.full((vocab_size,), 1.0 / vocab_size, dtype=torch.float64)
        self.corpus_dist = None # estimated when it is needed
        self.alpha = 1.0
        self.target_dist = self.uniform_dist
        self.served_counts = torch.zeros(vocab_size, dtype=torch.float64) # per token
        self.total_tokens_served = 0
        self.rescore_event = threading.Event()
        self.shutdown_event = threading.Event()
        self.thread = None
        if background:
            self.thread = threading.Thread(target=self.fill_buffer, daemon=True)
            self.thread.start()

    def fill_buffer(self):
        """ what the thread does """
        while not self.shutdown_event.is_set():
            if len(self.buffer) < self.capacity:
                self.refill()
            if self.rescore_event.is_set():
                self.rescore()
            self.shutdown_event.wait(0.1)

    def refill(self):
        for _ in self.paths:
            batches = self.cut_batches()
            if batches:
                with self.lock:
                    self.buffer.extend(batches)
                return
        sys.exit(f"no shard holds {self.batch_size * self.block_size + 1} tokens, enough for one batch")

    def cut_batches(self):
        """ consecutive batches of the next shard, from a random place on """
        tokens = np.memmap(self.paths[self.next_shard], dtype='<u2', mode='r')
        self.next_shard = (self.next_shard + 1) % len(self.paths)
        span = self.batch_size * self.block_size
        start = self.rng.randint(0, max(0, len(tokens) - self.batches_per_refill * span))
        batches = []
        for number in range(self.batches_per_refill):
            begin = start + number * span
            window = tokens[begin:begin + span + 1]
            if len(window) < span + 1: # y needs one token more than x
                break
            window = torch.from_numpy(window.astype(np.int64))
            # y is x moved by one in the flat stream: the last target of a row is the first token of the next row
            x = window[:-1].view(self.batch_size, self.block_size)
            y = window[1:].view(self.batch_size, self.block_size)
            batches.append((-1.0, x, y))
        return batches

    def rescore(self):
        """ put batches in front whose tokens are more frequent in the target distribution than in what was served """
        with self.lock:
            self.rescore_event.clear()
            served_dist = self.served_counts / (self.total_tokens_served + 1e-9)
            wanted = self.target_dist / (served_dist + 1e-9)
            scored = []
            for _, x, y in self.buffer:
                ids, counts = torch.unique(x, return_counts=True)
                scored.append(((counts * wanted[ids]).sum().item(), x, y))
            scored.sort(key=lambda batch: batch[0], reverse=True)
            self.buffer = deque(scored[:self.capacity])

    def state_dict(self, unused):
        """ everything that decides which batches come next; `unused` was served, but nobody has looked at it yet """
        unused_x, unused_y = (part.cpu() for part in unused)
        ids, counts = torch.unique(unused_x, return_counts=True)
        with self.lock:
            pending = [(unused_x, unused_y), *((x, y) for _, x, y in self.buffer)]
            served_counts = self.served_counts.clone()
        served_counts[ids] -= counts
        return {
            'starts': torch.tensor(self.rng.getstate()[1]),
            'next_shard': self.next_shard,
            # y is x and one token more; the ids are below 2**16. Scores are in the order
            'pending': torch.stack([torch.cat((x.flatten(), y.flatten()[-1:])).int() for x, y in pending]),
            'block_size': self.block_size,
            'alpha': self.alpha,
            'served_counts': served_counts,
            'total_tokens_served': self.total_tokens_served - unused_x.numel(),
        }

    def load_state_dict(self, state):
        version, _, next_gauss = self.rng.getstate()
        self.rng.setstate((version, tuple(state['starts'].tolist()), next_gauss))
        self.next_shard = state['next_shard'] % len(self.paths)
        self.served_counts = state['served_counts'].clone()
        self.total_tokens_served = state['total_tokens_served']
        shape = (self.batch_size, self.block_size)
        # batches of another shape are of no use, so that a few places of the data are passed over
        if state['block_size'] == self.block_size and state['pending'].size(1) == self.batch_size * self.block_size + 1:
            pending = [(-1.0, row[:-1].view(shape), row[1:].view(shape)) for row in state['pending'].long()]
            with self.lock:
                self.buffer = deque([*pending, *self.buffer])
            if state['alpha'] == self.alpha: # they are in the right order already
                self.rescore_event.clear()

    def get_next_batch(self):
        if self.thread is None:
            if not self.buffer:
                self.refill()
            if self.rescore_event.is_set():
                self.rescore()
        while not self.buffer: # the thread has not got round to it yet
            if not self.thread.is_alive():
                sys.exit("the thread that cuts training batches has ended")
            time.sleep(0.01)
        with self.lock:
            _, x, y = self.buffer.popleft()
            ids, counts = torch.unique(x, return_counts=True)
            self.served_counts[ids] += counts
            self.total_tokens_served += x.numel()
        return to_device(x, self.device), to_device(y, self.device)

    def update_target_distribution(self, alpha):
        """ aim at all tokens alike with 1.0, at their frequencies in the corpus with 0.0 """
        if self.corpus_dist is None:
            self.corpus_dist = estimate_corpus_dist(self.paths, len(self.uniform_dist))
        with self.lock:
            self.alpha = alpha
            self.target_dist = (1 - alpha) * self.corpus_dist + alpha * self.uniform_dist
        self.rescore_event.set()

    def get_non_outlier_tokens(self, ignored_share):
        """ ids of the most frequently served tokens, as few as make up all but `ignored_share` of what was served """
        with self.lock:
            if self.total_tokens_served == 0:
                return torch.arange(len(self.served_counts))
            shares, ids = torch.sort(self.served_counts / self.total_tokens_served, descending=True, stable=True)
        last = torch.searchsorted(shares.cumsum(0), torch.tensor(1.0 - ignored_share, dtype=torch.float64), right=True)
        return ids[:min(last.item(), len(ids) - 1) + 1]

    def shutdown(self):
        self.shutdown_event.set()
        if self.thread is not None:
            self.thread.join(timeout=5)

def estimate_corpus_dist(paths, vocab_size):
    """ frequencies of tokens at the beginning of each shard, kept in a file; shards that are too short do not count """
    filename = f'corpus_dist_approx_{corpus_tokens}.pt'
    path = os.path.join(data_path if corpus_dist_dir is None else corpus_dist_dir, filename)
    if os.path.exists(path):
        return torch.load(path)
    quota = corpus_tokens // len(paths)
    counts = torch.zeros(vocab_size, dtype=torch.float64)
    for tokens in (np.memmap(shard, dtype='<u2', mode='r') for shard in paths):
        if len(tokens) >= quota:
            ids = torch.from_numpy(tokens[:quota].astype(np.int64)).clamp(max=vocab_size - 1)
            counts += torch.bincount(ids, minlength=vocab_size)
    corpus_dist = counts / counts.sum()
    if master_process:
        torch.save(corpus_dist, path + '.tmp') # other processes may look at any time
        os.rename(path + '.tmp', path)
    return corpus_dist

def to_device(tensor, device):
    if 'cuda' in device: # from pinned memory the copy does not wait
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)

def get_val_batch():
    starts = torch.randint(len(val_tokens) - block_size, (batch_size,)).tolist()
    x = torch.stack([torch.from_numpy(val_tokens[s:s + block_size].astype(np.int64)) for s in starts])
    y = torch.stack([torch.from_numpy(val_tokens[s + 1:s + 1 + block_size].astype(np.int64)) for s in starts])
    return to_device(x, device), to_device(y, device)

def remap(x, y):
    """ tokens of the data to tokens of the model """
    return (remapping_vector[x], remapping_vector[y]) if remapping_active else (x, y)

# ----------------------------------------------------------------------------------------------------------------------
# the log file and the stopwatch

class TrainingLogger:
    """ a line-buffered file of time-stamped lines; log() also prints the line """

    def __init__(self, enabled):
        self.file = None
        if enabled:
            os.makedirs(log_dir, exist_ok=True)
            stamp = time.strftime('%Y%m%d_%H%M%S', time.localtime(time.time()))
            self.file = open(os.path.join(log_dir, f'log_run_{stamp}.txt'), 'w', buffering=1)
            self.write(f"training run {stamp}")
            for name in sorted(config):
                self.write(f"config {name} = {config[name]!r}")

    def write(self, line):
        if self.file is not None:
            stamp = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(time.time()))
            self.file.write(f"[{stamp}] {line}\n")

    def log(self, line):
        print(line)
        self.write(line)

    def log_step(self, iter_num, losses, tokens_per_sec):
        self.log(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}, "
                 f"tokens/sec {tokens_per_sec:.0f}")

    def close(self):
        if self.file is not None:
            self.file.close()

class SectionTimer:
    """ seconds per iteration spent in named, nested sections, as exponential averages """

    def __init__(self):
        self.averages = {}
        self.current = {}
        self.open_sections = []

    @contextmanager
    def section(self, name):
        self.open_sections.append(name)
        path = '/'.join(self.open_sections)
        begin = time.time()
        yield
        self.current[path] = self.current.get(path, 0.0) + time.time() - begin
        self.open_sections.pop()

    def end_iteration(self):
        for path, seconds in self.current.items():
            self.averages[path] = 0.9 * self.averages[path] + 0.1 * seconds if path in self.averages else seconds
        self.current = {}

    def metrics(self):
        return {f'time/{path}_ms': seconds * 1000 for path, seconds in sorted(self.averages.items())}

    def summary(self):
        return [f"timing {path}: {seconds * 1000:.2f}ms" for path, seconds in sorted(self.averages.items())]

def get_vram():
    """ GB in use, GB there are, percent """
    if device_type != 'cuda':
        return 0.0, 0.0, 0.0
    used = torch.cuda.memory_reserved(device) / 1024**3
    total = torch.cuda.get_device_properties(device).total_memory / 1024**3
    return used, total, 100 * used / total

# ----------------------------------------------------------------------------------------------------------------------
# processes, devices, seeds

ddp = 'RANK' in os.environ # set by torchrun
if not device.startswith('cuda'):
    device_type = 'cpu'
elif torch.cuda.is_available():
    device_type = 'cuda'
else:
    sys.exit(f"device={device!r}, but CUDA is not available here; use --device=cpu")
if ddp:
    init_process_group(backend=backend)
    rank = int(os.environ['RANK'])
    world_size = int(os.environ['WORLD_SIZE'])
    if device_type == 'cuda':
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    # the micro-steps are shared out, so that an update sees as many tokens as one process would show it
    assert gradient_accumulation_steps % world_size == 0, \
        f"gradient_accumulation_steps={gradient_accumulation_steps} cannot be shared out to {world_size} processes"
    gradient_accumulation_steps //= world_size
else:
    rank = 0
    world_size = 1
tokens_per_iter = gradient_accumulation_steps * world_size * batch_size * block_size
print(f"tokens per iteration will be: {tokens_per_iter:,}\n", end='') # in one piece, as all processes print at once

if master_process:
    os.makedirs(out_dir, exist_ok=True)
logger = TrainingLogger(file_logging and master_process)
if master_process:
    gigabytes = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1024**3
    gpu = torch.cuda.get_device_name(device) if device_type == 'cuda' else 'no GPU'
    logger.log(f"system: Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} CPUs, "
               f"{gigabytes:.0f} GB of memory, {gpu}")
torch.manual_seed(seed + rank)
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True
autocast_dtype = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}[dtype]
autocast = torch.amp.autocast(device_type='cuda', dtype=autocast_dtype) if device_type == 'cuda' else nullcontext()

shutdown_requested = False

def request_shutdown(signum, frame):
    global shutdown_requested
    shutdown_requested = True # looked at after each iteration; printing from here could interrupt another print

signal.signal(signal.SIGINT, request_shutdown)
signal.signal(signal.SIGTERM, request_shutdown)

# ----------------------------------------------------------------------------------------------------------------------
# vocabulary, model, optimizer, batches: in this order

data_path = os.path.join('data', dataset) if data_dir is None else data_dir
meta_path = os.path.join(data_path, 'meta.pkl')
if os.path.exists(meta_path):
    with open(meta_path, 'rb') as meta_file:
        meta_vocab_size = pickle.load(meta_file)['vocab_size']
    if init_from == 'scratch' and vocab_size not in (None, meta_vocab_size) and master_process:
        print(f"vocab_size={vocab_size} gives way to {meta_vocab_size}, found in {meta_path}")
else:
    meta_vocab_size = None
data_vocab_size = vocab_size if meta_vocab_size is None else meta_vocab_size

remapping_vector = None
if shrunken_vocab_size is not None:
    if vocab_remapping_file is None or RARE_TOKEN_ID is None:
        raise ValueError(f"shrunken_vocab_size={shrunken_vocab_size} needs vocab_remapping_file and RARE_TOKEN_ID")
    if master_process:
        remapping_vector = torch.load(vocab_remapping_file, map_location=device)
if ddp: # the length says whether there is one
    length = torch.tensor(0 if remapping_vector is None else len(remapping_vector), device=device)
    broadcast(length, src=0)
    if length > 0:
        if not master_process:
            remapping_vector = torch.empty(length, dtype=torch.int64, device=device)
        broadcast(remapping_vector, src=0)
# may be switched off while training goes on
remapping_active = remapping_vector is not None and set_by_operations.get('remapping_active', True)
if remapping_vector is not None:
    data_vocab_size = len(remapping_vector)
if remapping_active:
    if master_process:
        print(f"remapping {data_vocab_size} tokens to {shrunken_vocab_size}, of which {RARE_TOKEN_ID} is the rare one")

model_args = dict(n_layer=n_layer, n_head=n_head, n_embd=n_embd, block_size=block_size, bias=bias,
                  vocab_size=data_vocab_size if shrunken_vocab_size is None else shrunken_vocab_size, dropout=dropout,
                  n_hidden=n_hidden, use_rotary_embeddings=use_rotary_embeddings, rotary_base=rotary_base,
                  rotary_max_position_embeddings=rotary_max_position_embeddings, embedding_mode=embedding_mode,
                  embedding_rank=embedding_rank, attn_lora_rank=attn_lora_rank, lora_alpha=lora_alpha)
iter_num = 0
best_val_loss = 1e9
iter_of_last_op = 0 # when an operation of the scaling schedule was executed last
lr_schedule_offset = 0 # where the schedule of the learning rate began

def load_weights(model, saved):
    """ put saved tensors where their names say, and tell what became of each """
    wanted = model.state_dict()
    loaded, counts, skipped = {}, {'loaded': 0, 'remapped': 0}, []
    for saved_name, tensor in saved.items():
        name = saved_name
        while name.startswith(('_orig_mod.', 'module.')): # compiled and distributed models put these in front
            name = name.partition('.')[2]
        # a layer with an adapter keeps what it had without as main_weight
        to_adapter = re.sub(r'\.(\w+)$', r'.main_weight.\1', name)
        from_adapter = re.sub(r'\.main_weight\.(\w+)$', r'.\1', name)
        target = next((one for one in (name, to_adapter, from_adapter) if one in wanted), None)
        if target is None:
            skipped.append(saved_name)
            continue
        loaded[target] = tensor
        counts['loaded' if target == name else 'remapped'] += 1
    missing = [name for name in wanted if name not in loaded]
    if master_process:
        print(f"weights: {counts['loaded']} loaded, {counts['remapped']} remapped, {len(skipped)} skipped, "
              f"{len(missing)} missing")
        for title, names in (('skipped', skipped), ('missing', missing)):
            if names:
                print(f"{title}: {', '.join(names)}")
    if not loaded:
        raise ValueError("the checkpoint and the model have no parameter in common")
    model.load_state_dict(loaded, strict=False)

def restore_ranks(model, saved):
    """ operations give every layer a rank of its own, and a resumed run keeps it unless ranks are set for this run """
    layers = {}
    if 'attn_lora_rank' not in overridden_keys:
        layers.update((f'transformer.h.{i}.attn.c_attn', (block.attn, 'c_attn'))
                      for i, block in enumerate(model.transformer.h))
    if not {'embedding_mode', 'embedding_rank'} & overridden_keys:
        layers['transformer.wte'] = model.transformer, 'wte'
    for name, (parent, attribute) in layers.items():
        factor = saved.get(f'{name}.lora_B')
        if factor is not None or f'{name}.weight' in saved:
            rank, layer = 0 if factor is None else factor.size(1), getattr(parent, attribute)
            if rank != (layer.lora_B.size(1) if isinstance(layer, (LoRALinear, LoRAEmbedding)) else 0):
                setattr(parent, attribute, set_lora_rank(layer, rank, model.args.lora_alpha))
    model.tie_weights()

def load_adapters(model, saved):
    """
    put back what merged weights were made of, in layers that have an addition of the same rank again, and which
    parameters are frozen
    """
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        if name in saved:
            parameter.requires_grad_(saved[name].requires_grad)
    for layer in model.lora_layers():
        names = [f'{layer}.{name}' for name in ('main_weight.weight', 'lora_A', 'lora_B')]
        if all(name in saved and saved[name].shape == parameters[name].shape for name in names):
            with torch.no_grad():
                for name in names:
                    parameters[name].copy_(saved[name])

def optimizer_order(named_parameters):
    """ the names of parameters as the optimizer counts them: matrices first """
    trainable = [(name, p) for name, p in named_parameters if p.requires_grad]
    return [name for name, p in trainable if p.dim() >= 2] + [name for name, p in trainable if p.dim() < 2]

def pair_by_name(shapes, saved_names, saved_states):
    """ the saved index for each index of a parameter of the same name and shape """
    index_of = {name: index for index, name in enumerate(saved_names)}
    pairs = {}
    for index, (name, shape) in enumerate(shapes.items()):
        saved_index = index_of.get(name)
        if saved_index in saved_states and saved_states[saved_index]['exp_avg'].shape == shape:
            pairs[index] = saved_index
    return pairs

def pair_by_shape(shapes, saved_states):
    """ the first saved index of the same shape that is still free, for each; and how often there was a choice """
    pairs, free, ambiguous = {}, sorted(saved_states), 0
    for index, shape in enumerate(shapes.values()):
        fitting = [saved_index for saved_index in free if saved_states[saved_index]['exp_avg'].shape == shape]
        if fitting:
            pairs[index] = fitting[0]
            free.remove(fitting[0])
            ambiguous += len(fitting) > 1
    return pairs, ambiguous

def load_optimizer(optimizer, model, saved, saved_names):
    """ give each parameter the moments saved for it; the options of the groups are those of this run """
    parameters = dict(model.named_parameters())
    shapes = {name: parameters[name].shape for name in optimizer_order(parameters.items())}
    saved_states = saved['state']
    saved_count = sum(len(group['params']) for group in saved['param_groups'])
    if len(saved_names) == saved_count:
        pairs, how = pair_by_name(shapes, saved_names, saved_states), 'by name'
    else: # the names do not tell which state is whose
        pairs, ambiguous = pair_by_shape(shapes, saved_states)
        how = f"by shape, {ambiguous} of them ambiguous"
    state = {index: saved_states[saved_index] for index, saved_index in pairs.items()}
    optimizer.load_state_dict({'state': state, 'param_groups': optimizer.state_dict()['param_groups']})
    if master_process:
        print(f"Transferred optimizer state for {len(pairs)} / {len(shapes)} parameters ({how})")

if init_from == 'scratch':
    if master_process:
        print("initialising a new model")
    if model_args['vocab_size'] is None:
        sys.exit(f"vocabulary size unknown: no {meta_path}, so give --vocab_size=...")
    model = GPT(GPTConfig(**model_args))
elif init_from == 'resume':
    # a smaller block size is cut off below, from the table of positions as it was saved
    model_args['block_size'] = max(block_size, checkpoint['model_args']['block_size'])
    model_args['vocab_size'] = vocab_size # the checkpoint's, which may have grown
    model = GPT(GPTConfig(**model_args))
    restore_ranks(model, checkpoint.get('param_names', {}))
    load_weights(model, checkpoint['model'])
    load_adapters(model, checkpoint.get('param_names', {}))
    iter_num = checkpoint['iter_num']
    best_val_loss = checkpoint['best_val_loss']
    iter_of_last_op = checkpoint.get('iter_of_last_op', 0)
    lr_schedule_offset = checkpoint.get('lr_schedule_offset', 0)
    if resume_overrides and master_process:
        logger.log(f"Resume with hyperparameter overrides: {'; '.join(resume_overrides)}")
elif init_from in gpt2_sizes:
    if master_process:
        print(f"starting from the weights of {init_from}")
    assert not use_rotary_embeddings, f"{init_from} has a position table, so use_rotary_embeddings has to be False"
    model_args.update(gpt2_sizes[init_from], vocab_size=50257, block_size=1024, bias=True, n_hidden=None)
    model = GPT(GPTConfig(**model_args))
    model.load_merged_state_dict(load_gpt2(init_from))
else:
    sys.exit(f"init_from={init_from!r}, expected 'scratch', 'resume' or one of {', '.join(gpt2_sizes)}")
if block_size < model.args.block_size:
    model.crop_block_size(block_size)
model.to(device)
if master_process:
    print(f"number of parameters: {model.get_num_params():,}")

# the scaler does nothing unless the dtype is float16
scaler = torch.amp.GradScaler(device_type, enabled=(dtype == 'float16'))
optimizer = model.configure_optimizer(weight_decay, learning_rate, (beta1, beta2), device_type)
if init_from == 'resume':
    load_optimizer(optimizer, model, checkpoint['optimizer'],
                   optimizer_order(checkpoint.get('param_names', {}).items()))
    if checkpoint.get('scaler'):
        scaler.load_state_dict(checkpoint['scaler'])

def wrap(model):
    if compile:
        if master_process:
            print("compiling the model, this takes a while")
        torch.compiler.reset() # what was compiled for another shape counts against the limit of recompilations
        model = torch.compile(model)
    if ddp:
        indices = [torch.device(device).index] if device_type == 'cuda' else None
        model = DistributedDataParallel(model, device_ids=indices)
    return model

raw_model = model # the checkpoints hold this one, without the prefixes that the wrappers add to names
model = wrap(raw_model)

batch_manager = BatchManager([os.path.join(data_path, name) for name in train_shard_filenames],
                             stream_batch_size, block_size, device, data_seed + rank,
                             data_vocab_size or model_args['vocab_size'], background_batches)
if curriculum_alpha != 1.0:
    batch_manager.update_target_distribution(curriculum_alpha)
val_tokens = np.memmap(os.path.join(data_path, 'val.bin'), dtype='<u2', mode='r')

# ----------------------------------------------------------------------------------------------------------------------
# the scaling schedule: which operations there are, and which of them are completed

def check_scaling_schedule(source, operations):
    is_right = {
        'name': lambda value: value in operation_names,
        'value': lambda value: True, # the operation checks it
        'trigger_loss': is_number,
        'max_wait_iters': lambda value: is_count(value, at_least=0),
        'reevaluate': lambda value: isinstance(value, bool),
    }
    for operation in operations:
        for field in is_right:
            if field not in operation:
                raise ValueError(f"{source}: an operation without {field!r}: {operation}")
            if not is_right[field](operation[field]):
                raise ValueError(f"{source}: {field!r} cannot be {operation[field]!r}: {operation}")

def read_scaling_schedule(path):
    with open(path) as file:
        if not path.endswith(('.yaml', '.yml')):
            return json.load(file)
        import yaml
        return yaml.safe_load(file)

def write_scaling_schedule(path, operations):
    with open(path + '.tmp', 'w') as file: # other processes may be reading the old one
        if path.endswith(('.yaml', '.yml')):
            import yaml
            yaml.safe_dump(operations, file, sort_keys=False)
        else:
            json.dump(operations, file, indent=2)
    os.rename(path + '.tmp', path)

def save_scaling_schedule(path, operations):
    for operation in operations:
        operation.setdefault('completed', False)
    if path is not None and os.path.exists(path) and master_process:
        write_scaling_schedule(path, operations)

def is_count(value, at_least=1):
    return type(value) is int and value >= at_least # which True is not

def is_number(value):
    return type(value) in (int, float) and math.isfinite(value)

operation_names = (
    'set_lr', 'set_batch_size', 'set_batch_size_relative', 'adjust_batch_size', 'set_grad_accum', 'set_warmup_iters',
    'set_eval_iters', 'set_eval_interval', 'reset_lr_schedule', 'set_curriculum_alpha', 'disable_vocab_remapping',
    'stack_layers', 'widen_mlp', 'set_attn_lora_rank', 'set_embedding_lora_rank', 'set_layer_lora_rank',
    'merge_lora_weights', 'resize_vocabulary', 'set_embedding_finetune_mode', 'set_embedding_freeze_mode',
    'freeze_layer', 'unfreeze_layer')
architectural_operations = operation_names[operation_names.index('stack_layers'):]
scaling_schedule = copy.deepcopy(scaling_schedule) # what is completed is noted in it
if scaling_schedule_file is not None and os.path.exists(scaling_schedule_file):
    scaling_schedule = read_scaling_schedule(scaling_schedule_file)
elif scaling_schedule_file is not None and not scaling_schedule:
    raise FileNotFoundError(f"scaling_schedule_file {scaling_schedule_file!r} does not exist")
elif scaling_schedule_file is not None and master_process:
    os.makedirs(os.path.dirname(os.path.abspath(scaling_schedule_file)), exist_ok=True)
    write_scaling_schedule(scaling_schedule_file, scaling_schedule)
check_scaling_schedule(scaling_schedule_file or 'scaling_schedule', scaling_schedule)
for operation in scaling_schedule:
    operation.setdefault('completed', False)
if checkpoint is None:
    for operation in scaling_schedule:
        operation['completed'] = False
    save_scaling_schedule(scaling_schedule_file, scaling_schedule)
elif checkpoint.get('scaling_schedule'):
    saved_file = checkpoint.get('scaling_schedule_file')
    if saved_file == scaling_schedule_file:
        scaling_schedule = checkpoint['scaling_schedule']
        save_scaling_schedule(scaling_schedule_file, scaling_schedule)
    elif master_process:
        print(f"warning: the checkpoint follows {saved_file}, this run {scaling_schedule_file}, as it is")

# ----------------------------------------------------------------------------------------------------------------------
# the trackers

run_name = checkpoint.get('final_wandb_run_name') if init_from == 'resume' else None
if run_name is None and (wandb_log or trackio_log):
    run_name = f"{wandb_run_name}_{time.strftime('%Y%m%d_%H%M%S', time.localtime(time.time()))}"
trackers = []
for tracker_name, is_wanted in (('trackio', trackio_log), ('wandb', wandb_log)):
    if is_wanted and master_process:
        try:
            trackers.append(importlib.import_module(tracker_name))
        except ImportError as error:
            print(f"warning: no {tracker_name}: {error}; install it")
for tracker in trackers:
    tracker.init(project=wandb_project, name=run_name, config=config)

def track(metrics):
    for tracker in trackers:
        tracker.log(metrics, step=iter_num)

# ----------------------------------------------------------------------------------------------------------------------
# a look inside the network: everything is computed from a copy of it, with random numbers of its own

def spread(values):
    """ mean, 10th and 90th percentile """
    tenth, ninetieth = torch.quantile(values.float(), torch.tensor([0.1, 0.9])).tolist()
    return values.float().mean().item(), tenth, ninetieth

def effective_rank(matrix):
    """ the fewest singular directions that hold 98 % of the energy, and their share of all """
    energy = torch.linalg.svdvals(matrix.double()).square().cumsum(0)
    rank = 1 + int((energy < 0.98 * energy[-1]).sum())
    return rank, rank / min(matrix.shape)

def compare_rows(rows, generator):
    """ how many neighbours each row has, and how similar rows are; a row counts itself with -1 """
    rows = F.normalize(rows.float(), dim=1)
    neighbours, samples, total, squares = [], [], 0.0, 0.0
    for begin in range(0, len(rows), 8192):
        similarity = rows[begin:begin + 8192] @ rows.T
        own = torch.arange(len(similarity))
        similarity[own, begin + own] = -1.0
        neighbours.append((similarity > 0.7).sum(dim=1))
        total += similarity.double().sum().item()
        squares += similarity.double().square().sum().item()
        columns = torch.randint(len(rows), (len(similarity), 100), generator=generator)
        samples.append(similarity.gather(1, columns).flatten())
    mean = total / len(rows)**2
    deviation = max(squares / len(rows)**2 - mean**2, 0.0)**0.5
    return spread(torch.cat(neighbours)), mean, deviation, spread(torch.cat(samples)[:20000])[1:]

def drift(before, after):
    """ cosines of rows, once the centred matrices are turned onto each other (orthogonal Procrustes) """
    before, after = (matrix.double() - matrix.double().mean(dim=0) for matrix in (before, after))
    u, _, vt = torch.linalg.svd(after.T @ before)
    return spread(F.cosine_similarity(before, after @ u @ vt, dim=1))

@torch.no_grad()
def attention_entropy(network, idx):
    """ in nats, mean over layers, heads and positions; -1 where it cannot be computed, for want of memory as a rule """
    entropies = []
    def listen(attention, inputs):
        q, k, _ = attention.project(inputs[0])
        scores = q @ k.transpose(-2, -1) / q.size(-1)**0.5
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        p = scores.masked_fill(future, float('-inf')).softmax(dim=-1)
        entropies.append(torch.special.entr(p).sum(dim=-1).mean())
    handles = [block.attn.register_forward_pre_hook(listen) for block in network.transformer.h]
    try:
        network(idx)
    except RuntimeError:
        return -1.0
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(entropies).mean().item()

def get_matrices(network):
    def get_weight(layer):
        return layer.merged_weight() if isinstance(layer, (LoRALinear, LoRAEmbedding)) else layer.weight.detach()

    matrices = {'embeddings': get_weight(network.transformer.wte)}
    for i, block in enumerate(network.transformer.h):
        matrices[f'attn.{i}.c_attn.weight'] = get_weight(block.attn.c_attn)
        matrices[f'ffn.{i}.c_fc.weight'] = block.mlp.c_fc.weight.detach()
    return matrices

def run_analysis(it, network, before, idx, tokens, analysis_seed):
    """
    the lines to print and the metrics to track; `before` is the copy of the previous evaluation, or None, and `tokens`
    are those whose embeddings are compared
    """
    matrices, earlier = get_matrices(network), {} if before is None else get_matrices(before)
    layers = len(network.transformer.h)
    shown = sorted({0, layers // 2, layers - 1})
    near, mean, deviation, (tenth, ninetieth) = compare_rows(
        matrices['embeddings'][tokens], torch.Generator().manual_seed(analysis_seed))
    metrics = {'analysis/iter': it, 'analysis/neighbours': near[0], 'analysis/similarity': mean}
    lines = [f"ASYNC ANALYSIS RESULTS FOR ITERATION {it}",
             f"embeddings: neighbours {near[0]:.4f} ({near[1]:.4f} to {near[2]:.4f})",
             f"embeddings: similarity {mean:.4f} +- {deviation:.4f} ({tenth:.4f} to {ninetieth:.4f})"]
    for i in range(layers):
        parts = {f'ffn.{i}': matrices[f'ffn.{i}.c_fc.weight']}
        parts.update(zip((f'attn.{i}.{name}' for name in 'qkv'), matrices[f'attn.{i}.c_attn.weight'].chunk(3)))
        for part, matrix in parts.items():
            rank_found, utilisation = effective_rank(matrix)
            metrics[f'analysis/rank/{part}'] = utilisation
            if i in shown:
                lines.append(f"rank of {part}: {rank_found} ({100 * utilisation:.2f}%)")
    for name, matrix in matrices.items():
        if name in earlier and earlier[name].shape == matrix.shape:
            moved = drift(earlier[name], matrix)
            metrics[f'analysis/drift/{name}'] = moved[0]
            if name == 'embeddings' or int(name.split('.')[1]) in shown:
                lines.append(f"drift of {name}: {moved[0]:.4f} ({moved[1]:.4f} to {moved[2]:.4f})")
    metrics['analysis/attention_entropy'] = attention_entropy(network, idx)
    lines += [f"attention entropy: {metrics['analysis/attention_entropy']:.4f}", "END OF ANALYSIS"]
    return lines, metrics

if analysis not in ('off', 'async', 'sync'):
    sys.exit(f"analysis={analysis!r}, expected 'off', 'async' or 'sync'")
executor = ThreadPoolExecutor(max_workers=1) if analysis == 'async' else None
analyses = [] # begun and not reported yet
analysed_before = None

def is_memory_short():
    if not os.path.exists('/proc/meminfo'):
        return False
    with open('/proc/meminfo') as file:
        sizes = {words[0]: int(words[1]) for words in map(str.split, file)}
    return sizes['MemAvailable:'] <= (1 - 0.9) * sizes['MemTotal:']

def dispatch_analysis():
    global analysed_before
    if analysis == 'off' or is_memory_short():
        return
    generator = torch.Generator().manual_seed(seed + iter_num)
    starts = torch.randint(len(val_tokens) - block_size, (batch_size,), generator=generator).tolist()
    idx = torch.stack([torch.from_numpy(val_tokens[s:s + block_size].astype(np.int64)) for s in starts])
    tokens = batch_manager.get_non_outlier_tokens(ignored_outlayers_sum)
    if remapping_active:
        idx, tokens = remapping_vector.cpu()[idx], remapping_vector.cpu()[tokens].unique()
    network = copy.deepcopy(raw_model).cpu().eval() # the training goes on with the other one
    work = (run_analysis, iter_num, network, analysed_before, idx, tokens, seed + iter_num)
    analysed_before = network
    if executor is not None:
        analyses.append(executor.submit(*work))
        return
    done = Future()
    try:
        done.set_result(work[0](*work[1:]))
    except Exception as error: # as in the thread
        done.set_exception(error)
    analyses.append(done)

def report_analyses():
    """ print what is ready, in the thread that trains """
    while analyses and analyses[0].done():
        done = analyses.pop(0)
        if done.exception() is not None:
            print(f"warning: an analysis failed: {type(done.exception()).__name__}: {done.exception()}")
            continue
        lines, metrics = done.result()
        for line in lines:
            logger.log(line)
        track(metrics)

# ----------------------------------------------------------------------------------------------------------------------
# operations: all of them check their value before they change anything, and raise a ValueError

def check(condition, message):
    if not condition:
        raise ValueError(message)

def set_hyperparameter(name, value):
    globals()[name] = value
    set_by_operations[name] = value

def set_gradient_accumulation(total):
    """ summed over all processes, as it is on the command line """
    check(is_count(total), f"expected a positive number of micro-steps, got {total!r}")
    check(total % world_size == 0, f"{total} micro-steps cannot be shared out to {world_size} processes")
    set_hyperparameter('gradient_accumulation_steps', total)
    globals()['gradient_accumulation_steps'] //= world_size

def fit_batch_size(share, memory):
    """ sequences whose activations fill `share` of so many bytes, as far as weights and moments leave it """
    a = raw_model.args
    weights = 16 * sum(parameter.numel() for parameter in raw_model.parameters()) # with gradients and two moments
    hidden = raw_model.transformer.h[0].mlp.c_fc.out_features
    per_token = 2 * a.n_layer * (14 * a.n_embd + 2 * hidden) + 8 * a.vocab_size # of 16 bits, and logits of 32 twice
    room = share * memory - weights
    return max(8, int(room / (per_token * a.block_size)) // 8 * 8)

def set_hyperparameter_by(name, value):
    """ the operations that leave the model as it is """
    global lr_schedule_offset, remapping_active
    if name == 'set_lr':
        check(is_number(value) and value > 0, f"expected a positive learning rate, got {value!r}")
        set_hyperparameter('learning_rate', float(value))
    elif name == 'set_batch_size':
        check(is_count(value), f"expected a positive number of sequences, got {value!r}")
        set_hyperparameter('batch_size', value)
    elif name == 'set_batch_size_relative':
        check(is_number(value) and 0 < value <= 1, f"expected a factor above 0 and up to 1, got {value!r}")
        set_hyperparameter('batch_size', max(8, int(batch_size * value) // 8 * 8))
    elif name == 'adjust_batch_size':
        check(is_number(value) and 0 < value <= 1, f"expected a share of the memory, got {value!r}")
        size = batch_size
        if device_type == 'cuda':
            size = fit_batch_size(value, torch.cuda.get_device_properties(device).total_memory)
        set_hyperparameter('batch_size', size)
    elif name == 'set_grad_accum':
        set_gradient_accumulation(value)
    elif name == 'set_warmup_iters':
        check(is_count(value, at_least=0), f"expected a number of iterations, got {value!r}")
        set_hyperparameter('warmup_iters', value)
    elif name in ('set_eval_iters', 'set_eval_interval'):
        check(is_count(value), f"expected a positive number, got {value!r}")
        set_hyperparameter(name.removeprefix('set_'), value)
    elif name == 'reset_lr_schedule':
        lr_schedule_offset = iter_num
    elif name == 'set_curriculum_alpha':
        check(is_number(value) and 0 <= value <= 1, f"expected a share from 0 to 1, got {value!r}")
        set_hyperparameter('curriculum_alpha', float(value))
        batch_manager.update_target_distribution(curriculum_alpha)
    elif name == 'disable_vocab_remapping':
        check(remapping_active, "no remapping is active")
        size = raw_model.args.vocab_size
        check(size >= data_vocab_size, f"the model knows {size} of {data_vocab_size} tokens; resize_vocabulary first")
        set_hyperparameter('remapping_active', False)

def stack_layers(sources):
    blocks = raw_model.transformer.h
    check(isinstance(sources, list) and sources and all(is_count(i, at_least=0) and i < len(blocks) for i in sources),
          f"expected a list of layers below {len(blocks)}, got {sources!r}")
    raw_model.transformer.h = nn.ModuleList([copy.deepcopy(blocks[i]) for i in sources])
    raw_model.args.n_layer = len(sources)

def widen_mlp(hidden):
    """ each new neuron does what an old one does, nearly, and all that do the same share what that one gave """
    old = raw_model.transformer.h[0].mlp.c_fc.out_features
    check(is_count(hidden) and hidden > old, f"expected more than {old} neurons, got {hidden!r}")
    for block in raw_model.transformer.h:
        fc, proj = block.mlp.c_fc, block.mlp.c_proj
        source = torch.cat((torch.arange(old), torch.randint(old, (hidden - old,))))
        copies = torch.bincount(source)[source].to(fc.weight.device)
        with torch.no_grad():
            rows = fc.weight[source]
            rows[old:] += 1e-4 * torch.randn_like(rows[old:]) # lest they learn the same for ever
            columns = proj.weight[:, source] / copies
        fc.weight = nn.Parameter(rows, requires_grad=fc.weight.requires_grad)
        proj.weight = nn.Parameter(columns, requires_grad=proj.weight.requires_grad)
        if fc.bias is not None:
            fc.bias = nn.Parameter(fc.bias.detach()[source], requires_grad=fc.bias.requires_grad)
        fc.out_features = proj.in_features = hidden
    raw_model.args.n_hidden = hidden

def check_rank(rank):
    check(is_count(rank, at_least=0), f"expected a rank, got {rank!r}")

def set_attn_lora_rank(rank):
    check_rank(rank)
    for block in raw_model.transformer.h:
        block.attn.c_attn = set_lora_rank(block.attn.c_attn, rank, raw_model.args.lora_alpha)
    raw_model.args.attn_lora_rank = rank

def set_embedding_lora_rank(rank):
    check_rank(rank)
    raw_model.transformer.wte = set_lora_rank(raw_model.transformer.wte, rank, raw_model.args.lora_alpha)
    raw_model.tie_weights()
    raw_model.args.embedding_mode = 'lora' if rank > 0 else 'standard'
    raw_model.args.embedding_rank = rank

def set_layer_lora_rank(value):
    """ of one layer, 'attn.<number>' or 'wte' """
    check(isinstance(value, list) and len(value) == 2, f"expected the name of a layer and a rank, got {value!r}")
    name, rank = value
    check_rank(rank)
    if name == 'wte':
        set_embedding_lora_rank(rank)
        return
    attention = find_part(name)
    check(isinstance(attention, CausalSelfAttention), f"{name!r} takes no addition, only 'wte' and 'attn.<number>' do")
    attention.c_attn = set_lora_rank(attention.c_attn, rank, raw_model.args.lora_alpha)

def merge_lora_weights(value):
    layers = raw_model.lora_layers()
    check(layers, "no layer has an addition to merge")
    for layer in layers.values():
        merge_lora(layer)

def resize_vocabulary(value):
    """ to that of the data """
    check(isinstance(value, list) and len(value) == 2, f"expected a token and a deviation, got {value!r}")
    source, noise = value
    size = raw_model.args.vocab_size
    check(is_count(source, at_least=0) and source < size, f"expected a token below {size}, got {source!r}")
    check(is_number(noise) and noise >= 0, f"expected a deviation, got {noise!r}")
    check(data_vocab_size is not None and data_vocab_size > size,
          f"the model knows {size} tokens already, the data have {data_vocab_size}")
    raw_model.resize_vocabulary(data_vocab_size, source, noise)

def find_part(name):
    """ 'wte', 'wpe', 'ln_f', 'attn.<number>' or 'ffn.<number>' """
    kind, _, number = name.partition('.') if isinstance(name, str) else ('', '', '')
    if name in ('wte', 'wpe', 'ln_f') and name in raw_model.transformer:
        return raw_model.transformer[name]
    blocks = raw_model.transformer.h
    check(kind in ('attn', 'ffn') and number.isdecimal() and int(number) < len(blocks), f"no layer {name!r}")
    return blocks[int(number)].attn if kind == 'attn' else blocks[int(number)].mlp

def set_trainable(wanted):
    """ what an addition belongs to stays frozen, and something has to be left """
    adapted = {id(layer.main_weight.weight) for layer in raw_model.lora_layers().values()}
    wanted = [parameter for parameter in wanted if id(parameter) not in adapted]
    check(wanted, "nothing would be left to train")
    chosen = {id(parameter) for parameter in wanted}
    for parameter in raw_model.parameters():
        parameter.requires_grad_(id(parameter) in chosen)

def change_trainable(part, is_trainable):
    """ of one part of the model; the others stay as they are """
    inside = {id(parameter) for parameter in part.parameters()}
    set_trainable([parameter for parameter in raw_model.parameters()
                   if (is_trainable if id(parameter) in inside else parameter.requires_grad)])

def set_embedding_finetune_mode(is_on):
    """ train the embedding, and the output layer that it is, alone; or everything again """
    check(isinstance(is_on, bool), f"expected true or false, got {is_on!r}")
    set_trainable((raw_model.transformer.wte if is_on else raw_model).parameters())

def set_embedding_freeze_mode(is_on):
    check(isinstance(is_on, bool), f"expected true or false, got {is_on!r}")
    change_trainable(raw_model.transformer.wte, not is_on)

def freeze_layer(name):
    change_trainable(find_part(name), False)

def unfreeze_layer(name):
    change_trainable(find_part(name), True)

def change_architecture(operation, value):
    """ the operations that leave behind another model, or other parameters to train: they need a new optimizer """
    global model, optimizer
    saved, saved_names = optimizer.state_dict(), optimizer_order(raw_model.named_parameters())
    operation(value)
    model = None # a wrapper that is still there would go on exchanging gradients
    gc.collect()
    optimizer = raw_model.configure_optimizer(weight_decay, learning_rate, (beta1, beta2), device_type)
    load_optimizer(optimizer, raw_model, saved, saved_names)
    model = wrap(raw_model)
    if master_process:
        logger.log(f"architecture: {json.dumps(get_shape(), sort_keys=True)}")

def get_shape():
    """ of the model without additions """
    return {name: value for name, value in vars(raw_model.args).items()
            if name not in ('embedding_mode', 'embedding_rank', 'attn_lora_rank', 'lora_alpha')}

def log_target_architecture():
    """ the shape that the model will have after all operations; those that will be refused change nothing """
    operations = [operation for operation in scaling_schedule if not operation['completed']]
    wanted = target_architecture_config or {}
    if not operations and not wanted:
        return
    shape = get_shape()
    unknown = sorted(wanted.keys() - shape.keys())
    check(not unknown, f"target_architecture_config has {unknown}, expected some of {list(shape)}")
    for operation in operations:
        name, value = operation['name'], operation['value']
        if name == 'stack_layers' and isinstance(value, list):
            shape['n_layer'] = len(value)
        elif name == 'widen_mlp' and isinstance(value, int):
            shape['n_hidden'] = value
        elif name == 'resize_vocabulary':
            shape['vocab_size'] = max(shape['vocab_size'], data_vocab_size or 0)
    logger.log(f"target architecture: {json.dumps(shape, sort_keys=True)}")
    for name in sorted(wanted):
        if shape[name] != wanted[name]:
            logger.log(f"warning: the schedule leads to {name} {shape[name]!r}, "
                       f"target_architecture_config says {wanted[name]!r}")

def get_trigger(operation, losses):
    """ why it is time for an operation, or '' """
    if losses['val'] < operation['trigger_loss']:
        return 'loss'
    return 'wait' if iter_num - iter_of_last_op >= operation['max_wait_iters'] else ''

def execute_operation(operation, trigger):
    """ whether it went well """
    global iter_of_last_op
    name, value = operation['name'], operation['value']
    if master_process:
        logger.log(f"operation {name}: iter {iter_num}, value {value!r}, because of the {trigger}")
    try:
        if name in architectural_operations:
            change_architecture(globals()[name], value)
        else:
            set_hyperparameter_by(name, value)
    except ValueError as error:
        if master_process:
            logger.log(f"operation {name}: failed: {error}")
        return False
    operation['completed'] = True
    iter_of_last_op = iter_num
    save_scaling_schedule(scaling_schedule_file, scaling_schedule)
    if master_process:
        logger.log(f"operation {name}: completed")
    return True

def run_operations(losses):
    """ after an evaluation: all operations that it is time for, up to one after which everything is evaluated anew """
    for operation in [one for one in scaling_schedule if not one['completed']]:
        trigger = get_trigger(operation, losses)
        if ddp: # each process has evaluated other batches; the master decides
            reasons = ['', 'loss', 'wait']
            decision = torch.tensor(reasons.index(trigger), device=device)
            broadcast(decision, src=0)
            torch.distributed.barrier()
            trigger = reasons[decision.item()]
        if not trigger or not execute_operation(operation, trigger):
            return
        if operation['reevaluate']:
            losses = estimate_loss()
            if master_process:
                logger.log(f"operation {operation['name']}: reevaluated: "
                           f"train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
            return

# ----------------------------------------------------------------------------------------------------------------------
# schedule, evaluation, checkpoints

def get_lr(it):
    # 1) linear warm-up; the first step is not zero
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    # 2) behind the end of the cosine
    if it > lr_decay_iters:
        return min_lr
    # 3) cosine from the peak to min_lr; a warm-up that lasts to the end leaves nothing to decay
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters) if lr_decay_iters > warmup_iters else 0.0
    return min_lr + 0.5 * (1.0 + math.cos(math.pi * decay_ratio)) * (learning_rate - min_lr)

@torch.no_grad()
def estimate_loss():
    """
    mean loss of eval_iters batches per split; the train split takes its batches from the training stream. With a
    smaller vocabulary also the core accuracy: the share of right guesses where the right one is not the rare token
    """
    out = {}
    core_hits, core_positions = 0, 0
    model.eval()
    for split, next_batch in (('train', batch_manager.get_next_batch), ('val', get_val_batch)):
        losses = torch.zeros(eval_iters)
        for k in range(eval_iters):
            x, y = remap(*next_batch())
            with autocast:
                logits, loss = model(x, y)
            losses[k] = loss.item()
            if remapping_active and split == 'val':
                is_core = y != RARE_TOKEN_ID
                core_hits += ((logits.argmax(dim=-1) == y) & is_core).sum().item()
                core_positions += is_core.sum().item()
        out[split] = losses.mean()
    if remapping_active:
        out['val_core_acc'] = core_hits / max(core_positions, 1)
    model.train()
    return out

def gather_rank_states():
    """ random numbers and position in the data of every process, by rank; all of them have to call this """
    state = {'rng': {'torch': torch.get_rng_state()}, 'data': batch_manager.state_dict((X, Y))}
    if device_type == 'cuda':
        state['rng']['cuda'] = torch.cuda.get_rng_state(device)
    if not ddp:
        return [state]
    states = [None] * world_size
    torch.distributed.all_gather_object(states, state)
    return states

def load_rank_state(states):
    if len(states) != world_size: # a generator for each process, or none at all
        if master_process:
            print(f"saved by {len(states)} processes, resumed by {world_size}: random numbers and data start afresh")
        return
    torch.set_rng_state(states[rank]['rng']['torch'])
    if device_type == 'cuda' and 'cuda' in states[rank]['rng']:
        torch.cuda.set_rng_state(states[rank]['rng']['cuda'], device)
    batch_manager.load_state_dict(states[rank]['data'])

def save_checkpoint(filename, rank_states, **extra):
    content = {
        'model': raw_model.merged_state_dict(),
        'optimizer': optimizer.state_dict(),
        'param_names': dict(raw_model.named_parameters()),
        'model_args': dict(vars(raw_model.args)), # of the model as it is now
        'iter_num': iter_num,
        'best_val_loss': best_val_loss,
        'config': config,
        'final_wandb_run_name': run_name,
        'iter_of_last_op': iter_of_last_op,
        'lr_schedule_offset': lr_schedule_offset,
        'scaling_schedule': scaling_schedule,
        'scaling_schedule_file': scaling_schedule_file,
        'set_by_operations': set_by_operations,
        'scaler': scaler.state_dict(),
        'rank_states': rank_states,
        **extra,
    }
    # a run that is killed while it writes must not leave half a checkpoint under the good name
    temporary = os.path.join(out_dir, 'ckpt_temp.pt')
    torch.save(content, temporary)
    os.rename(temporary, os.path.join(out_dir, filename))

def write_auto_resume():
    with open(os.path.join(out_dir, 'auto_resume_config.json'), 'w') as file:
        json.dump({'init_from': 'resume'}, file)
    with open(auto_resume_marker, 'w') as file:
        file.write(f"init_from=resume\nfinal_wandb_run_name={run_name}\n")

mfu_stats_path = os.path.join(out_dir, 'mfu_stats.txt')
if master_process and (init_from == 'scratch' or not os.path.exists(mfu_stats_path)):
    with open(mfu_stats_path, 'w') as file:
        file.write("iter,loss,lr,time_ms,mfu_percent,vram_used_gb,vram_total_gb,vram_percent\n")

# ----------------------------------------------------------------------------------------------------------------------
# the training loop

if master_process:
    log_target_architecture()
timer = SectionTimer()
start_time = time.time()
t0 = start_time
local_iter_num = 0 # iterations of this process, whatever it resumed from
running_mfu = -1.0 # not measured yet
if init_from == 'resume' and 'rank_states' in checkpoint:
    load_rank_state(checkpoint['rank_states'])
checkpoint = None # free the memory
tokens_before = batch_manager.total_tokens_served # by earlier runs
X, Y = batch_manager.get_next_batch() # the first batch, fetched ahead
while True:

    effective_it = iter_num - lr_schedule_offset
    lr = get_lr(effective_it)
    for group in optimizer.param_groups:
        group['lr'] = lr
    if iter_num % log_interval == 0 and master_process:
        print(f"lr schedule: iter {iter_num}, effective_it {effective_it}, warmup {warmup_iters}, decay {lr_decay_iters}, "
              f"accum {gradient_accumulation_steps}, batch {batch_size}")

    # evaluate, say so, save
    if iter_num % eval_interval == 0:
        # as they are now, because a resumed run does this evaluation again
        rank_states = gather_rank_states() if iter_num > 0 else None
        with timer.section('evaluation'):
            losses = estimate_loss()
        if master_process:
            elapsed = time.time() - start_time
            tokens_per_sec = (batch_manager.total_tokens_served - tokens_before) / elapsed if elapsed > 0 else 0.0
            print(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}, lr: {lr:.4f}, "
                  f"tokens/sec {tokens_per_sec:.0f}")
            logger.log_step(iter_num, losses, tokens_per_sec)
            if 'val_core_acc' in losses:
                logger.log(f"step {iter_num}: val core accuracy {losses['val_core_acc']:.4f}")
            used, total, percent = get_vram()
            track({'iter': iter_num, 'train/loss': losses['train'].item(), 'val/loss': losses['val'].item(), 'lr': lr,
                   'mfu': 100 * max(running_mfu, 0.0), **timer.metrics(),
                   **{name: value for name, value in losses.items() if name == 'val_core_acc'},
                   'vram/used_gb': used, 'vram/total_gb': total, 'vram/percent': percent})
            dispatch_analysis()
            report_analyses()
            if iter_num > 0 and (losses['val'] < best_val_loss or always_save_checkpoint):
                best_val_loss = losses['val']
                print(f"saving checkpoint to {out_dir}")
                save_checkpoint('ckpt.pt', rank_states)
                if init_from == 'scratch' and not os.path.exists(auto_resume_marker):
                    write_auto_resume()
        run_operations(losses)
    if iter_num == 0 and eval_only:
        break

    # forward and backward, several times over, to reach a larger batch than fits into memory
    with timer.section('gradient_accumulation'):
        for micro_step in range(gradient_accumulation_steps):
            if ddp:
                # gradients are exchanged once per update, in the last backward pass
                model.require_backward_grad_sync = micro_step == gradient_accumulation_steps - 1
            with timer.section('forward_pass'), autocast:
                _, loss = model(*remap(X, Y))
                loss = loss / gradient_accumulation_steps # the sum over micro-steps is then a mean
            with timer.section('data_loading'): # while a GPU is still busy with the forward pass
                X, Y = batch_manager.get_next_batch()
            with timer.section('backward_pass'):
                scaler.scale(loss).backward()
    with timer.section('gradient_clipping'):
        if grad_clip != 0.0:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    with timer.section('optimizer_step'):
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)

    # timing and logging
    t1 = time.time()
    dt = t1 - t0
    t0 = t1
    if iter_num % log_interval == 0 and master_process:
        # the loss of the last micro-step, scaled back up: cheap, and noisier than the mean over micro-steps
        lossf = loss.item() * gradient_accumulation_steps
        if local_iter_num >= 5: # the first iterations are not typical
            mfu = raw_model.estimate_mfu(batch_size * gradient_accumulation_steps, dt)
            running_mfu = mfu if running_mfu == -1.0 else 0.9 * running_mfu + 0.1 * mfu
        mfu_percent = 100 * max(running_mfu, 0.0)
        used, total, percent = get_vram()
        print(f"iter {iter_num}: loss {lossf:.4f}, lr {lr:.5f}, time {dt * 1000:.2f}ms, mfu {mfu_percent:.2f}%, "
              f"VRAM {used:.0f}/{total:.0f}GB ({percent:.0f}%)")
        with open(mfu_stats_path, 'a') as file:
            file.write(f"{iter_num},{lossf:.6f},{lr:.6e},{dt * 1000:.2f},{mfu_percent:.4f},"
                       f"{used:.2f},{total:.2f},{percent:.2f}\n")
    timer.end_iteration()
    if iter_num > 0 and iter_num % (5 * eval_interval) == 0 and master_process:
        for line in timer.summary():
            logger.log(line)
    iter_num += 1
    local_iter_num += 1

    if shutdown_requested:
        rank_states = gather_rank_states()
        if master_process:
            filename = f'emergency_ckpt_iter_{iter_num}.pt'
            print(f"shutdown requested, saving {filename} to {out_dir}")
            save_checkpoint(filename, rank_states, emergency_save=True)
        break
    if iter_num > max_iters:
        break

batch_manager.shutdown()
if executor is not None:
    executor.shutdown(wait=True)
report_analyses()
for tracker in trackers:
    tracker.finish()
logger.close()
if ddp:
    # the wrapped model keeps the group alive, and a gloo thread that outlives the interpreter aborts the process
    del model
    gc.collect()
    destroy_process_group()
