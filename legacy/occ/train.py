"""
Train a model with a linear head only: each code of the list is there or not.

$ python train.py --save-dir out --train-data train.csv --val-data val.csv --target-cols code1 code2
"""

import argparse
import csv
import os
import time

import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from data import OccDataset, map_code_label, read_rows
from model_assets import CANINEOccupationClassifier, load_encoder, load_tokenizer
from seq2seq_mixer_engine import Averager, linear_schedule_with_warmup, load_states, save_states, write_arguments

def parse_args():
    parser = argparse.ArgumentParser()
    # files
    parser.add_argument('--save-dir', required=True)
    parser.add_argument('--train-data', required=True)
    parser.add_argument('--val-data', required=True)
    parser.add_argument('--input-col', default='occ1')
    parser.add_argument('--language-col', default='lang')
    parser.add_argument('--target-cols', nargs='+', default=['code1', 'code2', 'code3', 'code4', 'code5'])
    # model
    parser.add_argument('--encoder', default='tiny', help="'tiny' or a directory of a CANINE model")
    parser.add_argument('--initial-checkpoint', default=None)
    parser.add_argument('--only-encoder', action='store_true', help='take only the encoder from that checkpoint')
    parser.add_argument('--dropout', type=float, default=0.0)
    parser.add_argument('--max-len', type=int, default=128)
    # optimisation
    parser.add_argument('--num-epochs', type=int, default=50)
    parser.add_argument('--batch-size', type=int, default=256)
    parser.add_argument('--num-workers', type=int, default=0)
    parser.add_argument('--learning-rate', type=float, default=2e-5)
    parser.add_argument('--alt-prob', type=float, default=0.1, help='share of descriptions that are altered')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()

def train_one_epoch(model, loader, loss_fn, optimizer, scheduler, device, current_step):
    model.train()
    losses = Averager()
    for batch in loader:
        current_step += 1
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        loss = loss_fn(model(batch['input_ids'], batch['attention_mask']), batch['targets_linear'])
        losses.update(loss.item(), len(batch['input_ids']))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
    return losses.avg, current_step

@torch.no_grad()
def evaluate(model, loader, loss_fn, device):
    model.eval()
    losses, accuracies = Averager(), Averager()
    for batch in loader:
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        out, targets = model(batch['input_ids'], batch['attention_mask']), batch['targets_linear']
        losses.update(loss_fn(out, targets).item(), len(out))
        accuracies.update(((torch.sigmoid(out) > 0.5) == targets.bool()).all(dim=1).float().mean().item(), len(out))
    return losses.avg, accuracies.avg

def main():
    args = parse_args()
    os.makedirs(args.save_dir, exist_ok=True)
    write_arguments(args, args.save_dir)

    rows_train, rows_val = read_rows(args.train_data), read_rows(args.val_data)
    key = map_code_label(rows_train, args.target_cols)
    tokenizer = load_tokenizer(args.encoder, args.max_len)
    columns = (args.input_col, args.target_cols, args.language_col, key, tokenizer)
    dataset_train = OccDataset(rows_train, *columns, training=True, augmentation_prob=args.alt_prob,
                               num_transformations=1)
    dataset_val = OccDataset(rows_val, *columns)
    train_loader = DataLoader(dataset_train, batch_size=args.batch_size, shuffle=True, num_workers=args.num_workers)
    val_loader = DataLoader(dataset_val, batch_size=args.batch_size, shuffle=False, num_workers=args.num_workers)

    model = CANINEOccupationClassifier(load_encoder(args.encoder), len(key), args.dropout).to(args.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate)
    total_steps = len(train_loader) * args.num_epochs
    scheduler = linear_schedule_with_warmup(optimizer, 0, total_steps)
    current_step = load_states(args.save_dir, model, optimizer, scheduler, args.initial_checkpoint, args.only_encoder)
    loss_fn = nn.BCEWithLogitsLoss()

    while current_step < total_steps:
        begin = time.time()
        train_loss, current_step = train_one_epoch(model, train_loader, loss_fn, optimizer, scheduler, args.device,
                                                   current_step)
        val_loss, flat_acc = evaluate(model, val_loader, loss_fn, args.device)
        lr = scheduler.get_last_lr()[0]
        print(f"step {current_step}: train_loss {train_loss:.6f}, val_loss {val_loss:.6f}, flat_acc {flat_acc:.4f}, "
              f"lr {lr:.3e}, epoch_time {time.time() - begin:.4f}s")
        path = os.path.join(args.save_dir, 'logs.csv')
        is_new = not os.path.exists(path)
        with open(path, 'a', newline='') as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(['step', 'train_loss', 'val_loss', 'flat_acc', 'lr'])
            writer.writerow([current_step, train_loss, val_loss, flat_acc, lr])
        save_states(model, optimizer, scheduler, current_step, key, args.save_dir)

if __name__ == '__main__':
    main()
