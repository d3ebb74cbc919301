"""
Adapt a model with a decoder and a linear head to a file of your own.

$ python finetune.py --save-dir out --dataset data.csv --target-cols code1 code2 --initial-checkpoint last.bin

The file is split into data_train.csv and data_val.csv, and the codes are numbered in key.csv; what is there is used.
"""

import argparse
import csv
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from data import PAD_IDX, OccDataset, make_formatter, map_code_label, read_rows, write_rows
from loss import BlockOrderInvariantLoss, LossMixer
from model_assets import load_tokenizer, make_mixer
from seq2seq_mixer_engine import linear_schedule_with_warmup, load_states, train, write_arguments

def parse_args():
    parser = argparse.ArgumentParser()
    # files
    parser.add_argument('--save-dir', required=True)
    parser.add_argument('--dataset', required=True)
    parser.add_argument('--share-val', type=float, default=0.1)
    parser.add_argument('--input-col', default='occ1')
    parser.add_argument('--language-col', default='lang')
    parser.add_argument('--target-cols', nargs='+', required=True)
    parser.add_argument('--formatter', default='gpf', choices=['gpf', 'hisco'])
    # model
    parser.add_argument('--encoder', default='tiny', help="'tiny' or a directory of a CANINE model")
    parser.add_argument('--initial-checkpoint', default=None)
    parser.add_argument('--only-encoder', action='store_true', help='take only the encoder from that checkpoint')
    parser.add_argument('--freeze-encoder', action='store_true')
    parser.add_argument('--dropout', type=float, default=0.0)
    parser.add_argument('--max-len', type=int, default=128)
    # optimisation
    parser.add_argument('--num-epochs', type=int, default=5)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--num-workers', type=int, default=0)
    parser.add_argument('--learning-rate', type=float, default=2e-5)
    parser.add_argument('--warmup-steps', type=int, default=0)
    parser.add_argument('--seq2seq-weight', type=float, default=0.1)
    # intervals, in steps
    parser.add_argument('--log-interval', type=int, default=100)
    parser.add_argument('--eval-interval', type=int, default=1000)
    parser.add_argument('--save-interval', type=int, default=1000)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()

def prepare_data(args):
    """ training rows, validation rows, and code -> label """
    paths = [os.path.join(args.save_dir, name) for name in ('data_train.csv', 'data_val.csv', 'key.csv')]
    path_train, path_val, path_key = paths
    if not all(os.path.exists(path) for path in paths):
        rows = read_rows(args.dataset)
        # the rows that DataFrame.sample(n, random_state=42) would take, in that order
        chosen = np.random.RandomState(42).choice(len(rows), size=int(len(rows) * args.share_val), replace=False)
        kept = sorted(set(range(len(rows))) - set(chosen.tolist()))
        write_rows(path_val, [rows[number] for number in chosen])
        write_rows(path_train, [rows[number] for number in kept])
        key = map_code_label(rows, args.target_cols)
        write_rows(path_key, [{'code': code, 'label': label} for code, label in key.items()])
    with open(path_key, newline='') as file:
        key = {row['code']: int(row['label']) for row in csv.DictReader(file)}
    return read_rows(path_train), read_rows(path_val), key

def main():
    args = parse_args()
    os.makedirs(args.save_dir, exist_ok=True)
    write_arguments(args, args.save_dir)

    rows_train, rows_val, key = prepare_data(args)
    formatter = make_formatter(args.formatter, list(key), len(args.target_cols))
    tokenizer = load_tokenizer(args.encoder, args.max_len)
    columns = (args.input_col, args.target_cols, args.language_col, key, tokenizer, formatter)
    dataset_train = OccDataset(rows_train, *columns, training=True)
    dataset_val = OccDataset(rows_val, *columns)
    train_loader = DataLoader(dataset_train, batch_size=args.batch_size, shuffle=True, num_workers=args.num_workers)
    val_loader = DataLoader(dataset_val, batch_size=args.batch_size, shuffle=False, num_workers=args.num_workers)

    model = make_mixer(args, formatter.vocab_size, len(key)).to(args.device)
    if args.freeze_encoder:
        for parameter in model.encoder.parameters():
            parameter.requires_grad_(False)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=args.learning_rate)
    total_steps = len(train_loader) * args.num_epochs
    scheduler = linear_schedule_with_warmup(optimizer, args.warmup_steps, total_steps)
    current_step = load_states(args.save_dir, model, optimizer, scheduler, args.initial_checkpoint, args.only_encoder)

    loss_fn = LossMixer(
        loss_fn_seq2seq=BlockOrderInvariantLoss(
            pad_idx=PAD_IDX, nb_blocks=formatter.max_num_codes, block_size=formatter.block_size),
        loss_fn_linear=nn.BCEWithLogitsLoss(),
        seq2seq_weight=args.seq2seq_weight,
    )
    train(model, train_loader, val_loader, loss_fn, optimizer, scheduler, args.device, args, key, current_step,
          total_steps, formatter.max_num_codes, formatter.block_size, PAD_IDX)

if __name__ == '__main__':
    main()
