"""The command ``python -m trainers data``: prepare a data directory."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from trainers.datasets.char_tiny import TRAIN_TOKENS, VALIDATION_TOKENS, write_char_tiny
from trainers.datasets.occupations import TRAIN_ROWS, VALIDATION_ROWS, write_occupations
from trainers.datasets.shakespeare import write_text
from trainers.datasets.stream_texts import TEXTS, write_stream_texts


def main(arguments: Sequence[str]) -> int:
    """Prepare the data that the command line names; returns the exit status.

    Raises:
        DataError: the source cannot be used.
    """
    chosen = _parser().parse_args(arguments)
    if chosen.name == "occupations":
        write_occupations(chosen.out, seed=chosen.seed, rows=chosen.rows)
        print(
            f"wrote train.csv, val.csv and data.csv to {chosen.out}; python -m trainers occ --help tells how to train"
        )
        return 0
    if chosen.name == "stream-texts":
        write_stream_texts(chosen.out, seed=chosen.seed, texts=chosen.texts)
        print(f"wrote texts.jsonl to {chosen.out}; train on it with trainers stream sample --dataset {chosen.out}")
        return 0
    if chosen.name == "char-tiny":
        write_char_tiny(chosen.out, seed=chosen.seed)
    else:
        write_text(chosen.source, chosen.out)
    print(f"wrote train.bin, val.bin and meta.pkl to {chosen.out}; train on it with --data_dir={chosen.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainers data", description="Write what a trainer reads into a directory."
    )
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    tiny = names.add_parser(
        "char-tiny",
        help="a seeded Markov chain over 65 characters, for tests",
        description=f"{TRAIN_TOKENS} training and {VALIDATION_TOKENS} validation tokens of a seeded Markov chain.",
    )
    tiny.add_argument("--seed", type=int, default=1337, help="which chain (default %(default)s)")
    occupations = names.add_parser(
        "occupations",
        help="made-up descriptions of occupations with their codes, for tests",
        description=f"{VALIDATION_ROWS} rows to validate with, and as many to train as wanted.",
    )
    occupations.add_argument("--seed", type=int, default=1337, help="which rows (default %(default)s)")
    occupations.add_argument("--rows", type=int, default=TRAIN_ROWS, help="training rows (default %(default)s)")
    stream = names.add_parser(
        "stream-texts",
        help="made-up texts as JSON lines, some of them of no use, for tests",
        description="A file of JSON lines, one text each; as in real data, some lines hold none.",
    )
    stream.add_argument("--seed", type=int, default=1337, help="which texts (default %(default)s)")
    stream.add_argument("--texts", type=int, default=TEXTS, help="lines (default %(default)s)")
    text = names.add_parser(
        "shakespeare",
        help="a text file, character by character",
        description="Any UTF-8 text file, character by character; the first 90 %% train, the rest validates.",
    )
    text.add_argument("--from", dest="source", type=Path, required=True, metavar="FILE", help="the text file")
    for command in (tiny, occupations, stream, text):
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the data directory to write")
    return parser
