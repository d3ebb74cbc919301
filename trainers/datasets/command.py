"""The command ``python -m trainers data``: prepare a data directory."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from trainers.datasets.char_tiny import TRAIN_TOKENS, VALIDATION_TOKENS, write_char_tiny
from trainers.datasets.occupations import TRAIN_ROWS, VALIDATION_ROWS, write_occupations
from trainers.datasets.shakespeare import write_text


def main(arguments: Sequence[str]) -> int:
    """Prepare the data that the command line names; returns the exit status.

    Raises:
        DataError: the source cannot be used.
    """
    chosen = _parser().parse_args(arguments)
    print(_WRITERS[chosen.name](chosen))
    return 0


def _char_tiny(chosen: Namespace) -> str:
    write_char_tiny(chosen.out, seed=chosen.seed)
    return _tokens_written(chosen.out)


def _shakespeare(chosen: Namespace) -> str:
    write_text(chosen.source, chosen.out)
    return _tokens_written(chosen.out)


def _tokens_written(directory: Path) -> str:
    return f"wrote train.bin, val.bin and meta.pkl to {directory}; train on it with --data_dir={directory}"


def _occupations(chosen: Namespace) -> str:
    write_occupations(chosen.out, seed=chosen.seed, rows=chosen.rows)
    return f"wrote train.csv, val.csv and data.csv to {chosen.out}; python -m trainers occ --help tells how to train"


def _remapping(chosen: Namespace) -> str:
    # imported only now, as below: the other data should not wait for torch
    from trainers.datasets.remapping import REMAPPING_FILE, write_remapping

    rare = write_remapping(chosen.out, size=chosen.size)
    return (
        f"wrote {REMAPPING_FILE}; use it with --shrunken_vocab_size={chosen.size} --RARE_TOKEN_ID={rare}"
        f" --vocab_remapping_file={chosen.out / REMAPPING_FILE}"
    )


def _gpt2_tiny(chosen: Namespace) -> str:
    from trainers.datasets.gpt2_weights import write_gpt2

    write_gpt2(chosen.name, chosen.out, seed=chosen.seed)
    return f"wrote {chosen.name}; start from it with --init_from={chosen.name} --gpt2_dir={chosen.out}"


_WRITERS: Final[Mapping[str, Callable[[Namespace], str]]] = {
    "char-tiny": _char_tiny,
    "occupations": _occupations,
    "remapping": _remapping,
    "gpt2-tiny": _gpt2_tiny,
    "shakespeare": _shakespeare,
}
"""What writes the data called by a name, and says what to do with them."""


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
    remapping = names.add_parser(
        "remapping",
        help="a smaller vocabulary for token files that are there",
        description="The most frequent training tokens keep a place of their own, the others share the last one.",
    )
    remapping.add_argument("--size", type=int, required=True, help="size of the smaller vocabulary")
    weights = names.add_parser(
        "gpt2-tiny",
        help="weights of a very small GPT-2, for tests",
        description="Random weights in the file format of the published ones.",
    )
    weights.add_argument("--seed", type=int, default=1337, help="which weights (default %(default)s)")
    text = names.add_parser(
        "shakespeare",
        help="a text file, character by character",
        description="Any UTF-8 text file, character by character; the first 90 %% train, the rest validates.",
    )
    text.add_argument("--from", dest="source", type=Path, required=True, metavar="FILE", help="the text file")
    for command in (tiny, occupations, remapping, weights, text):
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the directory to write")
    return parser
