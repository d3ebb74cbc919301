"""
Training a model with two heads: epochs, evaluation, checkpoints, the log.
"""

import csv
import json
import os
import time

import torch
import torch.nn as nn
from torch.optim.lr_scheduler import LambdaLR

class Averager:
    """ a mean weighted by batch size """

    def __init__(self):
        self.sum = 0.0
        self.count = 0

    def update(self, value, n=1):
        self.sum += value * n
        self.count += n

    @property
    def avg(self):
        return self.sum / self.count if self.count else float('nan')

def linear_schedule_with_warmup(optimizer, num_warmup_steps, num_training_steps):
    def factor(step):
        if step < num_warmup_steps:
            return step / max(1, num_warmup_steps)
        return max(0.0, (num_training_steps - step) / max(1, num_training_steps - num_warmup_steps))
    return LambdaLR(optimizer, factor)

def order_invariant_accuracy(output, target, pad_idx, nb_blocks, block_size):
    """ the best share of equal tokens over all predicted blocks, for each block of the target; target without BOS """
    output = output[:, :nb_blocks * block_size].view(-1, 1, nb_blocks, block_size)
    target = target[:, :nb_blocks * block_size].view(-1, nb_blocks, 1, block_size)
    best = (output == target).float().mean(dim=3).max(dim=2).values # (B, K); padding is a token like any other
    token_acc = 100 * best.mean()
    seq_acc = 100 * (best == 1.0).all(dim=1).float().mean()
    return seq_acc, token_acc

def save_states(model, optimizer, scheduler, current_step, key, save_dir):
    states = {
        'model': model.state_dict(),
        'optimizer': optimizer.state_dict(),
        'scheduler': scheduler.state_dict(),
        'step': current_step,
        'key': key,
    }
    for name in (f'{current_step}.bin', 'last.bin'):
        torch.save(states, os.path.join(save_dir, name))

def load_states(save_dir, model, optimizer, scheduler, initial_checkpoint=None, only_encoder=False):
    """ go on from last.bin where there is one, otherwise start from another model; returns the step """
    last = os.path.join(save_dir, 'last.bin')
    if os.path.exists(last):
        states = torch.load(last, map_location='cpu')
        model.load_state_dict(states['model'])
        optimizer.load_state_dict(states['optimizer'])
        scheduler.load_state_dict(states['scheduler'])
        print(f"resuming from {last}, step {states['step']}")
        return states['step']
    if initial_checkpoint is not None:
        states = torch.load(initial_checkpoint, map_location='cpu')
        weights = states['model'] if 'model' in states else states
        if only_encoder:
            prefix = 'encoder.'
            model.encoder.load_state_dict({name[len(prefix):]: tensor for name, tensor in weights.items()
                                           if name.startswith(prefix)})
        else:
            model.load_state_dict(weights)
        print(f"starting from {initial_checkpoint}")
    return 0

def update_log(save_dir, row):
    path = os.path.join(save_dir, 'logs.csv')
    is_new = not os.path.exists(path)
    with open(path, 'a', newline='') as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)

def write_arguments(args, save_dir):
    """ one 'name: value' per line, the values as JSON, which is YAML as well """
    with open(os.path.join(save_dir, 'args.yaml'), 'w') as file:
        for name, value in sorted(vars(args).items()):
            file.write(f"{name}: {json.dumps(value)}\n")

def train_one_epoch(model, loader, loss_fn, optimizer, scheduler, device, current_step, evaluate, args, key):
    model.train()
    losses, batch_time, batch_time_data = Averager(), Averager(), Averager()
    end = time.time()
    for batch in loader:
        current_step += 1
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        batch_time_data.update(time.time() - end)
        out_seq2seq, out_linear = model(batch['input_ids'], batch['attention_mask'], batch['targets_seq2seq'][:, :-1])
        loss = loss_fn(out_seq2seq, out_linear, batch['targets_seq2seq'], batch['targets_linear'])
        losses.update(loss.item(), len(batch['input_ids']))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
        batch_time.update(time.time() - end)
        end = time.time()
        if current_step % args.log_interval == 0:
            print(f"step {current_step}: train_loss {losses.avg:.6f}, lr {scheduler.get_last_lr()[0]:.3e}, "
                  f"batch_time {batch_time.avg:.4f}s, batch_time_data {batch_time_data.avg:.4f}s")
        if current_step % args.save_interval == 0:
            save_states(model, optimizer, scheduler, current_step, key, args.save_dir)
        if current_step % args.eval_interval == 0:
            found = evaluate()
            update_log(args.save_dir, {
                'step': current_step, 'batch_time': batch_time.avg, 'batch_time_data': batch_time_data.avg,
                'train_loss': losses.avg, **found, 'lr': scheduler.get_last_lr()[0]})
            print(f"step {current_step}: val_loss {found['val_loss']:.6f}, "
                  f"val_loss_linear {found['val_loss_linear']:.6f}, val_loss_seq2seq {found['val_loss_seq2seq']:.6f}, "
                  f"seq_acc {found['seq_acc']:.2f}%, token_acc {found['token_acc']:.2f}%, "
                  f"flat_acc {found['flat_acc']:.4f}")
            model.train()
    return current_step

@torch.no_grad()
def evaluate(model, loader, loss_fn, device, pad_idx, nb_blocks, block_size):
    model.eval()
    names = ('val_loss', 'val_loss_linear', 'val_loss_seq2seq', 'seq_acc', 'token_acc', 'flat_acc')
    averages = {name: Averager() for name in names}
    for batch in loader:
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        targets_seq2seq, targets_linear = batch['targets_seq2seq'], batch['targets_linear']
        out_seq2seq, out_linear = model(batch['input_ids'], batch['attention_mask'], targets_seq2seq[:, :-1])
        seq_acc, token_acc = order_invariant_accuracy(out_seq2seq.argmax(dim=-1), targets_seq2seq[:, 1:], pad_idx,
                                                      nb_blocks, block_size)
        flat_acc = ((torch.sigmoid(out_linear) > 0.5) == targets_linear.bool()).all(dim=1).float().mean()
        found = {
            'val_loss': loss_fn(out_seq2seq, out_linear, targets_seq2seq, targets_linear),
            'val_loss_linear': loss_fn.loss_fn_linear(out_linear, targets_linear),
            'val_loss_seq2seq': loss_fn.loss_fn_seq2seq(out_seq2seq, targets_seq2seq),
            'seq_acc': seq_acc, 'token_acc': token_acc, 'flat_acc': flat_acc,
        }
        for name, value in found.items():
            averages[name].update(value.item(), len(out_linear))
    return {name: average.avg for name, average in averages.items()}

def train(model, train_loader, val_loader, loss_fn, optimizer, scheduler, device, args, key, current_step, total_steps,
          nb_blocks, block_size, pad_idx):
    print(f"training for {total_steps} steps of {args.batch_size} rows, from step {current_step}")
    while current_step < total_steps: # always whole epochs
        current_step = train_one_epoch(
            model, train_loader, loss_fn, optimizer, scheduler, device, current_step,
            lambda: evaluate(model, val_loader, loss_fn, device, pad_idx, nb_blocks, block_size), args, key)
