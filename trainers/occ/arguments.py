"""The command lines of the three commands."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from trainers.datasets.occupations import TARGET_COLUMNS
from trainers.occ.encoders import TINY
from trainers.occ.formatters import FORMATTERS

PROGRAM = "python -m trainers occ"


def positive(text: str) -> int:
    """Read an integer of at least 1."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return int(text)


def share(text: str) -> float:
    """Read a number between 0 and 1."""
    if not 0.0 <= float(text) <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return float(text)


def rate(text: str) -> float:
    """Read a number above 0."""
    if not float(text) > 0.0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return float(text)


def train_parser() -> argparse.ArgumentParser:
    """The options of ``train``."""
    parser = _parser("train", "Train a linear head over an encoder: each code of the list is there or not.")
    _add_tables(parser)
    _add_model(parser)
    _add_optimisation(parser, epochs=50, batch_size=256)
    parser.add_argument("--alt-prob", type=share, default=0.1, help="share of descriptions altered (%(default)s)")
    return parser


def train_mixer_parser() -> argparse.ArgumentParser:
    """The options of ``train-mixer``."""
    parser = _parser("train-mixer", "Train a decoder that writes codes and a linear head that picks them.")
    _add_tables(parser)
    _add_model(parser)
    _add_mixer(parser, formatter="hisco", weight=0.5, save_interval=5000)
    _add_optimisation(parser, epochs=50, batch_size=512)
    parser.add_argument("--num-transformations", type=int, default=3, help="characters changed in an altered text")
    parser.add_argument("--augmentation-prob", type=share, default=0.3, help="share of texts altered (%(default)s)")
    parser.add_argument("--unk-lang-prob", type=share, default=0.25, help="share of languages hidden (%(default)s)")
    parser.add_argument("--distributed", action="store_true", help="train on all processes that torchrun started")
    return parser


def finetune_parser() -> argparse.ArgumentParser:
    """The options of ``finetune``."""
    parser = _parser(
        "finetune", "Adapt a model with two heads to a table of your own; on all processes that torchrun started."
    )
    parser.add_argument("--dataset", type=Path, required=True, metavar="FILE", help="CSV table, split by the program")
    parser.add_argument("--share-val", type=share, default=0.1, help="share of rows to validate with (%(default)s)")
    parser.add_argument("--prepare-only", action="store_true", help="split the table, number its codes and stop")
    _add_columns(parser, targets=None)
    _add_model(parser)
    _add_mixer(parser, formatter="gpf", weight=0.1, save_interval=1000)
    _add_optimisation(parser, epochs=5, batch_size=128)
    parser.add_argument("--use-amp", action="store_true", help="mixed precision: float16 on a GPU, bfloat16 elsewhere")
    return parser


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {command}", description=description, allow_abbrev=False)
    parser.add_argument("--save-dir", type=Path, required=True, metavar="DIR", help="checkpoints, logs and args.yaml")
    return parser


def _add_tables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train-data", type=Path, required=True, metavar="FILE", help="CSV table to train on")
    parser.add_argument("--val-data", type=Path, required=True, metavar="FILE", help="CSV table to validate with")
    _add_columns(parser, targets=TARGET_COLUMNS)


def _add_columns(parser: argparse.ArgumentParser, *, targets: tuple[str, ...] | None) -> None:
    parser.add_argument("--input-col", default="occ1", metavar="NAME", help="column of the text (%(default)s)")
    parser.add_argument("--language-col", default="lang", metavar="NAME", help="column of its language (%(default)s)")
    parser.add_argument(
        "--target-cols",
        nargs="+",
        metavar="NAME",
        required=targets is None,
        default=None if targets is None else list(targets),
        help="columns of the codes",
    )
    parser.add_argument("--description-col", metavar="NAME", help="column of a longer description, for augmentation")
    parser.add_argument("--description-prob", type=share, default=0.0, help="share of texts with it (%(default)s)")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", default=TINY, help="'tiny', or the directory of a CANINE model (%(default)s)")
    parser.add_argument("--initial-checkpoint", type=Path, metavar="FILE", help="start from this model")
    parser.add_argument("--only-encoder", action="store_true", help="take only the encoder from it")
    parser.add_argument("--dropout", type=share, default=0.0, help="share of dropped activations (%(default)s)")
    parser.add_argument("--max-len", type=positive, default=128, help="characters of a text (%(default)s)")


def _add_mixer(parser: argparse.ArgumentParser, *, formatter: str, weight: float, save_interval: int) -> None:
    parser.add_argument("--formatter", choices=FORMATTERS, default=formatter, help="format of codes (%(default)s)")
    parser.add_argument("--freeze-encoder", action="store_true", help="train the heads only")
    parser.add_argument("--seq2seq-weight", type=share, default=weight, help="weight of the decoder (%(default)s)")
    for name, interval in (("log", 100), ("eval", 1000), ("save", save_interval)):
        parser.add_argument(f"--{name}-interval", type=positive, default=interval, help="in steps (%(default)s)")
    parser.add_argument(
        "--final-save", action=argparse.BooleanOptionalAction, default=True, help="also save the last step"
    )


def _add_optimisation(parser: argparse.ArgumentParser, *, epochs: int, batch_size: int) -> None:
    parser.add_argument("--num-epochs", type=positive, default=epochs, help="(%(default)s)")
    parser.add_argument("--batch-size", type=positive, default=batch_size, help="per process (%(default)s)")
    parser.add_argument("--learning-rate", type=rate, default=2e-5, help="the peak (%(default)s)")
    parser.add_argument("--warmup-pct", type=share, default=0.05, help="share of all steps, 0 to 1 (%(default)s)")
    parser.add_argument("--seed", type=int, help="for weights, order, dropout and altered texts; none by default")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=device, help="(%(default)s)")
    parser.add_argument("--num-workers", type=int, default=0, help="processes that load data (%(default)s)")
    parser.add_argument("--pin-memory", action="store_true", help="load into pinned memory")
    parser.add_argument("--prefetch-factor", type=positive, help="batches that a worker prepares")
    parser.add_argument("--persistent-workers", action="store_true", help="keep workers between epochs")
