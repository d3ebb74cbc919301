"""
Train GPT-2 with a choice of optimizers and pruning methods, on one device or on many.

One process:
$ python train.py --dataset shakespeare --model-name gpt2 --optimizer adamwspam

Two processes on one machine:
$ torchrun --nproc_per_node=2 train.py --dataset shakespeare

The data are flat files of little-endian uint16 token ids, train.bin and val.bin in <data-dir>/<dataset>/; a meta.pkl
beside them may tell the size of the vocabulary. A module config.py on the path may hold an object config with settings of
the machine: PYTORCH_CUDA_ALLOC_CONF, FLASH_ATTENTION, DDP_ENABLED, DDP_BACKEND, DDP_FIND_UNUSED_PARAMETERS.
"""

import argparse
import gc
import hashlib
import importlib
import json
import math
import os
import pickle
import time
from contextlib import nullcontext

try:
    from config import config as machine
except ImportError:
    machine = None
if getattr(machine, 'PYTORCH_CUDA_ALLOC_CONF', None): # before torch is imported
    os.environ['PYTORCH_CUDA_ALLOC_CONF'] = machine.PYTORCH_CUDA_ALLOC_CONF

import numpy as np
import torch
from torch.distributed import destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

from lib.optimizers import (apply_periodic_spam_reset, apply_prune_gradient_masking, apply_spam_gradient_processing,
                            create_optimizer, get_sparsity, update_prune_masks)
from lib.pruning import MagnitudePruning, MovementPruning
from model import GPT, GPTConfig, MODEL_SIZES

# ----------------------------------------------------------------------------------------------------------------------
# arguments

parser = argparse.ArgumentParser(description="Train GPT-2 with a choice of optimizers and pruning methods.")
# model
parser.add_argument('--model-name', default='gpt2', choices=sorted(MODEL_SIZES))
parser.add_argument('--block-size', type=int, default=1024, help="tokens per sequence")
parser.add_argument('--dropout', type=float, default=0.1)
parser.add_argument('--bias', action=argparse.BooleanOptionalAction, default=True)
# data
parser.add_argument('--dataset', default='shakespeare', help="a folder name in the data directory")
parser.add_argument('--data-dir', default='data')
# batch and length
parser.add_argument('--batch-size', type=int, default=64, help="sequences per micro-step and process")
parser.add_argument('--gradient-accumulation', type=int, default=4, help="micro-steps per update and process")
parser.add_argument('--num-epochs', '--epochs', type=int, default=1, help="only for the schedulers, which nobody steps")
parser.add_argument('--max-iters', type=int, default=10000)
parser.add_argument('--max-time', type=float, default=0.0, help="seconds; 0 means no limit")
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
# pruning
parser.add_argument('--pruning-method', default='none', choices=['none', 'magnitude', 'movement', 'state'])
parser.add_argument('--target-sparsity', type=float, default=0.5)
parser.add_argument('--pruning-warmup', type=int, default=1000)
parser.add_argument('--pruning-frequency', type=int, default=50, help="iterations between masks of state pruning")
# evaluation and output
parser.add_argument('--eval-interval', type=int, default=100)
parser.add_argument('--eval-samples', type=int, default=200)
parser.add_argument('--log-interval', type=int, default=10)
parser.add_argument('--output-dir', default='gpt2/outputs')
parser.add_argument('--json-output', default=None, help="where to write the metrics")
parser.add_argument('--tracker', default='none', help="comma-separated: trackio, wandb")
parser.add_argument('--tracker-project', default='')
parser.add_argument('--tracker-run-name', default='')
# system
parser.add_argument('--device', default='cuda')
parser.add_argument('--dtype', default='bfloat16', choices=['float32', 'bfloat16', 'float16'])
parser.add_argument('--compile', action='store_true')
args = parser.parse_args()
args.tracker = os.environ.get('TRACKER', args.tracker)
args.tracker_project = os.environ.get('TRACKER_PROJECT', args.tracker_project)
args.tracker_run_name = os.environ.get('TRACKER_RUN_NAME', args.tracker_run_name)

# ----------------------------------------------------------------------------------------------------------------------
# processes, devices, seeds

ddp = 'RANK' in os.environ and (machine is None or bool(getattr(machine, 'DDP_ENABLED', False)))
if args.device.startswith('cuda') and not torch.cuda.is_available():
    print("CUDA is not available, training on the CPU")
    args.device = 'cpu'
device_type = 'cuda' if args.device.startswith('cuda') else 'cpu'
device = args.device
if ddp:
    init_process_group(backend=getattr(machine, 'DDP_BACKEND', 'nccl' if device_type == 'cuda' else 'gloo'))
    rank = int(os.environ['RANK'])
    seed_offset = rank # has no effect, see ../README.md
    if device_type == 'cuda':
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
else:
    rank = 0
    seed_offset = 0
master_process = rank == 0
if master_process:
    os.makedirs(args.output_dir, exist_ok=True)
torch.manual_seed(1337)
np.random.seed(1337)
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True
if getattr(machine, 'FLASH_ATTENTION', None) is not None:
    torch.backends.cuda.enable_flash_sdp(bool(machine.FLASH_ATTENTION))
autocast_dtype = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}[args.dtype]
use_autocast = device_type == 'cuda' and args.dtype != 'float32'
autocast = torch.amp.autocast(device_type='cuda', dtype=autocast_dtype) if use_autocast else nullcontext()

# ----------------------------------------------------------------------------------------------------------------------
# data

data_path = os.path.join(args.data_dir, args.dataset)

def get_batch(split):
    # opened anew each time, as an open map grows with what has been read
    tokens = np.memmap(os.path.join(data_path, f'{split}.bin'), dtype=np.uint16, mode='r')
    starts = torch.randint(len(tokens) - args.block_size, (args.batch_size,))
    x = torch.stack([torch.from_numpy(tokens[i:i + args.block_size].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(tokens[i + 1:i + 1 + args.block_size].astype(np.int64)) for i in starts])
    if device_type == 'cuda':
        return x.pin_memory().to(device, non_blocking=True), y.pin_memory().to(device, non_blocking=True)
    return x, y

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
model.to(device)
num_params = model.get_num_params()
if master_process:
    print(f"number of parameters: {num_params:,}")
if args.compile:
    if master_process:
        print("compiling the model, this takes a while")
    model = torch.compile(model)
if ddp:
    model = DistributedDataParallel(
        model, device_ids=[torch.device(device).index] if device_type == 'cuda' else None,
        find_unused_parameters=getattr(machine, 'DDP_FIND_UNUSED_PARAMETERS', True))
raw_model = model.module if ddp else model

# the scaler does nothing unless the dtype is float16, on a GPU
scaler = torch.amp.GradScaler('cuda', enabled=(device_type == 'cuda' and args.dtype == 'float16'))
optimizer, scheduler, clip_hint, spam_state, prune_state = create_optimizer(
    model, args.optimizer, args.learning_rate, args.weight_decay, args.num_epochs, args)
pruner = None
if args.pruning_method in ('magnitude', 'movement'):
    pruner_class = MagnitudePruning if args.pruning_method == 'magnitude' else MovementPruning
    pruner = pruner_class(raw_model, args.target_sparsity, args.pruning_warmup, args.max_iters)

# some variants get more time; the ramps above end where they would have ended without it
if args.pruning_method == 'state' and args.max_iters == 10000:
    if args.adamwprune_variant == 'bitter2':
        args.max_iters = 12100
    elif args.adamwprune_variant in ('bitter3', 'bitter4', 'bitter5', 'bitter6', 'bitter8', 'bitter9'):
        args.max_iters = 13000
    if master_process:
        print(f"{args.adamwprune_variant}: training {args.max_iters} iterations")

# ----------------------------------------------------------------------------------------------------------------------
# trackers: modules with init, log and finish

trackers = []
if master_process:
    project = args.tracker_project
    if not project:
        here = os.getcwd()
        project = f"{os.path.basename(here)}-{hashlib.md5(here.encode()).hexdigest()[:8]}"
    run_name = args.tracker_run_name or f"gpt2_{args.optimizer}_{time.strftime('%Y%m%d_%H%M%S')}"
    for name in args.tracker.split(','):
        if name.strip() in ('trackio', 'wandb'):
            try:
                tracker = importlib.import_module(name.strip())
            except ImportError as error:
                print(f"warning: no {name.strip()}: {error}")
                continue
            tracker.init(project=project, name=run_name, config=vars(args))
            trackers.append(tracker)

def track(values, it):
    for tracker in trackers:
        tracker.log(values, step=it)

# ----------------------------------------------------------------------------------------------------------------------
# schedule, evaluation, checkpoints, latency

def get_lr(it):
    # 1) linear warm-up, from zero
    if it < args.warmup_steps:
        return args.learning_rate * it / args.warmup_steps
    # 2) behind the end of the cosine
    if it > args.max_iters:
        return args.min_lr
    # 3) cosine from the peak to min_lr
    ratio = (it - args.warmup_steps) / (args.max_iters - args.warmup_steps)
    return args.min_lr + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (args.learning_rate - args.min_lr)

def perplexity(loss):
    return math.exp(min(loss, 20.0))

@torch.no_grad()
def evaluate(samples):
    """ mean validation loss """
    raw_model.eval()
    losses = np.zeros(samples)
    for k in range(samples):
        x, y = get_batch('val')
        with autocast:
            _, loss = raw_model(x, y)
        losses[k] = loss.item()
    raw_model.train()
    return float(losses.mean())

def save_checkpoint(filename, **extra):
    content = {
        'model': raw_model.state_dict(),
        'optimizer': optimizer.state_dict(),
        'iter_num': it,
        'best_val_loss': best_val_loss,
        'config': gpt_config,
        'args': vars(args),
        **extra,
    }
    # a run that is killed while it writes must not leave half a checkpoint under the good name
    temporary = os.path.join(args.output_dir, 'ckpt_temp.pt')
    torch.save(content, temporary)
    os.rename(temporary, os.path.join(args.output_dir, filename))

@torch.no_grad()
def measure_latency(length):
    """ milliseconds of a forward pass over one sequence, 50th and 95th percentile of 50; -1 where it fails """
    try:
        raw_model.eval()
        x = torch.zeros((1, length), dtype=torch.long, device=device)
        times = []
        for _ in range(50):
            if device_type == 'cuda':
                torch.cuda.synchronize()
            begin = time.perf_counter()
            with autocast:
                raw_model(x)
            if device_type == 'cuda':
                torch.cuda.synchronize()
            times.append(1000 * (time.perf_counter() - begin))
        return float(np.percentile(times, 50)), float(np.percentile(times, 95))
    except Exception:
        return -1.0, -1.0
    finally:
        raw_model.train()

# ----------------------------------------------------------------------------------------------------------------------
# the training loop

metrics = {name: [] for name in ('iterations', 'timestamps', 'train_losses', 'train_perplexities', 'learning_rates',
                                 'sparsities', 'val_iterations', 'val_losses', 'val_perplexities')}
sparsity = 0.0
running_loss = 0.0
best_val_loss = float('inf')
first_val_loss = None
it = 0
start_time = time.time()
t0 = start_time
while it < args.max_iters:

    if args.max_time > 0 and time.time() - start_time >= args.max_time:
        if master_process:
            print(f"max_time of {args.max_time} seconds reached at iteration {it}")
        break

    lr = get_lr(it)
    for group in optimizer.param_groups:
        group['lr'] = lr

    # forward and backward, several times over
    for micro_step in range(args.gradient_accumulation):
        x, y = get_batch('train')
        with autocast:
            _, loss = model(x, y)
            loss = loss / args.gradient_accumulation
        scaler.scale(loss).backward()
        running_loss += loss.item()

    if args.optimizer != 'sgd':
        if device_type == 'cuda':
            scaler.unscale_(optimizer)
        apply_prune_gradient_masking(prune_state)
        apply_spam_gradient_processing(optimizer, spam_state)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    apply_periodic_spam_reset(optimizer, spam_state)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)

    if pruner is not None:
        pruner.apply_masks()
    if prune_state is not None:
        update_prune_masks(optimizer, prune_state, it)
        sparsity = get_sparsity(prune_state['masks'])
    if pruner is not None:
        pruner.update_masks(it)
        pruner.apply_masks()
        sparsity = pruner.get_sparsity()

    # log
    if it % args.log_interval == 0:
        average = running_loss / args.log_interval
        running_loss = 0.0
        t1 = time.time()
        ms = 1000 * (t1 - t0) / args.log_interval
        t0 = t1
        if master_process:
            print(f"Iter {it:5d} | loss {average:.4f} | ppl {perplexity(average):.2f} | lr {lr:.2e} | "
                  f"sparsity {sparsity:.4f} | {ms:.1f}ms/iter")
            metrics['iterations'].append(it)
            metrics['timestamps'].append(t1 - start_time)
            metrics['train_losses'].append(average)
            metrics['train_perplexities'].append(perplexity(average))
            metrics['learning_rates'].append(lr)
            metrics['sparsities'].append(sparsity)
            track({'train_loss': average, 'train_perplexity': perplexity(average), 'learning_rate': lr,
                   'sparsity': sparsity}, it)

    # evaluate, say so, save
    if it % args.eval_interval == 0 and master_process:
        val_loss = evaluate(args.eval_samples)
        print(f"Validation loss: {val_loss:.4f} | ppl: {perplexity(val_loss):.2f}")
        metrics['val_iterations'].append(it)
        metrics['val_losses'].append(val_loss)
        metrics['val_perplexities'].append(perplexity(val_loss))
        track({'val_loss': val_loss, 'val_perplexity': perplexity(val_loss)}, it)
        if first_val_loss is None:
            first_val_loss = val_loss
        if val_loss < best_val_loss:
            best_val_loss = val_loss
            save_checkpoint('best_model.pt')

    it += 1

# ----------------------------------------------------------------------------------------------------------------------
# the end of the run

if master_process:
    final_val_loss = evaluate(2 * args.eval_samples)
    print(f"Final validation loss: {final_val_loss:.4f} | ppl: {perplexity(final_val_loss):.2f}")
    if first_val_loss is not None:
        delta = perplexity(best_val_loss) - perplexity(first_val_loss)
        print(f"best ppl {perplexity(best_val_loss):.2f}, change since the first evaluation {delta:.2f}")
    latency = {}
    for length in (512, 1024):
        latency[f'latency_{length}_p50_ms'], latency[f'latency_{length}_p95_ms'] = p50, p95 = measure_latency(length)
        print(f"latency of {length} tokens: p50 {p50:.2f}ms, p95 {p95:.2f}ms")
    allocated = torch.cuda.max_memory_allocated() / 1024**2 if device_type == 'cuda' else 0.0
    reserved = torch.cuda.max_memory_reserved() / 1024**2 if device_type == 'cuda' else 0.0
    print(f"GPU memory: {allocated:.0f}MB allocated, {reserved:.0f}MB reserved")
    save_checkpoint('final_model.pt', val_loss=final_val_loss)

    if args.json_output:
        metrics.update({
            'config': vars(args),
            'model_params': num_params,
            'best_val_loss': best_val_loss,
            'final_val_loss': final_val_loss,
            'final_val_perplexity': perplexity(final_val_loss),
            'final_sparsity': sparsity,
            'final_iteration': it,
            **latency,
            'gpu_memory_allocated_mb': allocated,
            'gpu_memory_reserved_mb': reserved,
            'total_time': time.time() - start_time,
            'training_mode': 'time' if args.max_time > 0 else 'iterations',
            'max_iters': args.max_iters,
            'max_time': args.max_time,
        })
        for path in (args.json_output, os.path.join(args.output_dir, 'training_metrics.json')):
            with open(path, 'w') as file:
                json.dump(metrics, file, indent=2)
        for tracker in trackers:
            tracker.finish()

if ddp:
    # the wrapped model keeps the group alive, and a gloo thread that outlives the interpreter aborts the process
    del model, raw_model, optimizer, pruner, prune_state
    gc.collect()
    destroy_process_group()
