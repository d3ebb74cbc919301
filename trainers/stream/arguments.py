"""The command lines of ``sample`` and ``chunk``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.stream.examples import SKIP_LIMIT
from trainers.stream.parts import CROSS_ENTROPY, ONE_MINUS_ACCURACY
from trainers.stream.text_samples import GENERATED, TARGETS
from trainers.stream.tokenizers import BYTES

PROGRAM = "python -m trainers stream"
BACKGROUND, INLINE, NONE = "background", "inline", "none"
USED, SHOWN = "used", "shown"

SAMPLE_TEST: Mapping[str, Any] = {
    "steps": 100,
    "max_seq_length": 128,
    "viz_interval": 25,
    "checkpoint_interval": 200,
    "display_samples": 10,
}
CHUNK_TEST: Mapping[str, Any] = {"max_chunks": 5, "tokens_per_chunk": 1024}


def positive(text: str) -> int:
    """Read an integer of at least 1."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return int(text)


def natural(text: str) -> int:
    """Read an integer of at least 0."""
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return int(text)


def above_zero(text: str) -> float:
    """Read a finite number above 0."""
    if not 0.0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return float(text)


def temperature(text: str) -> float:
    """Read a finite number of at least 0."""
    if not 0.0 <= float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of at least 0")
    return float(text)


def parse_sample(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options of ``sample``."""
    parser = _parser("sample", "Train text by text: every text is a step.")
    add = parser.add_argument
    add("--steps", type=positive, default=10000, help="texts to train on (%(default)s)")
    add("--viz-interval", type=positive, default=50, help="steps between charts (%(default)s)")
    add("--checkpoint-interval", type=positive, default=2000, help="steps between checkpoints (%(default)s)")
    add("--display-samples", type=positive, default=5, help="steps between text samples (%(default)s)")
    add("--log-interval", type=positive, default=10, help="steps between printed lines (%(default)s)")
    _add_common(parser, longest=256, warmup=1000, noun="steps")
    return _parse(parser, arguments, SAMPLE_TEST)


def parse_chunk(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options of ``chunk``."""
    parser = _parser("chunk", "Train chunk by chunk: texts are collected until they fill one.")
    add = parser.add_argument
    add("--max-chunks", type=positive, help="chunks to train on (as many as there are)")
    add("--tokens-per-chunk", type=positive, default=4096, help="estimated, four characters each (%(default)s)")
    add("--num-epochs", type=positive, default=1, help="times to read all files (%(default)s)")
    add("--viz-interval", type=positive, default=5, help="chunks between charts (%(default)s)")
    add("--checkpoint-interval", type=positive, default=50, help="chunks between checkpoints (%(default)s)")
    add("--display-samples", type=positive, default=1, help="chunks between text samples (%(default)s)")
    add("--log-interval", type=positive, default=1, help="chunks between printed reports (%(default)s)")
    _add_common(parser, longest=512, warmup=0, noun="chunks")
    return _parse(parser, arguments, CHUNK_TEST)


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"{PROGRAM} {command}", description=description, allow_abbrev=False)


def _parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str], of_a_test: Mapping[str, Any]
) -> argparse.Namespace:
    """Read the options; ``--test`` stands for other defaults."""
    sizes = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in of_a_test.items())
    parser.add_argument("--test", action="store_true", help=f"a short run: {sizes}, unless given")
    if "--test" in arguments:
        parser.set_defaults(**of_a_test)
    return parser.parse_args(arguments)


def _add_common(parser: argparse.ArgumentParser, *, longest: int, warmup: int, noun: str) -> None:
    data = parser.add_argument_group("data").add_argument
    data(
        "--dataset",
        default="data/stream",
        metavar="NAME",
        help="a .jsonl or .parquet file, a directory of them, or hub:OWNER/NAME (%(default)s)",
    )
    data("--split", default="train", help="split of a dataset of the hub (%(default)s)")
    data("--tokenizer", default=BYTES, metavar="NAME", help="'bytes', or a SentencePiece model (%(default)s)")
    data("--max-seq-length", type=positive, default=longest, help="tokens of a text (%(default)s)")
    data("--stall-timeout", type=above_zero, default=60.0, help="seconds to wait for a text (%(default)s)")
    data("--skip-limit", type=natural, default=SKIP_LIMIT, help="useless texts in a row (%(default)s)")
    model = parser.add_argument_group("model").add_argument
    model("--gpu", type=natural, default=0, metavar="NUMBER", help="which GPU, where there is one (%(default)s)")
    model("--vocab-size", type=positive, default=32000, help="tokens of the model (%(default)s)")
    model("--embedding-dim", type=positive, default=1536, help="its size (%(default)s)")
    model("--seed", type=int, help="for weights and drawn text; none by default")
    _add_optimisation(parser.add_argument_group("training").add_argument, warmup=warmup, noun=noun)
    output = parser.add_argument_group("output").add_argument
    output("--output-dir", type=Path, default=Path(), metavar="DIR", help="for charts and checkpoints (%(default)s)")
    output("--charts", choices=(BACKGROUND, INLINE, NONE), default=BACKGROUND, help="who draws them (%(default)s)")
    output("--viz-dpi", type=positive, default=150, help="dots per inch of charts (%(default)s)")
    output("--sample-output", choices=(GENERATED, TARGETS), default=GENERATED, help="in text samples (%(default)s)")
    output("--temperature", type=temperature, default=1.0, help="of generated text, 0 for the likeliest (%(default)s)")


def _add_optimisation(add: Callable[..., object], *, warmup: int, noun: str) -> None:
    switch = argparse.BooleanOptionalAction
    add("--learning-rate", type=above_zero, default=0.001, help="the peak (%(default)s)")
    add("--warmup-steps", type=natural, default=warmup, help=f"{noun} that it rises for (%(default)s)")
    add(
        "--schedule",
        choices=(USED, SHOWN),
        default=USED,
        help="'shown' leaves the model at its own rate, as older versions did (%(default)s)",
    )
    add(
        "--loss",
        choices=(CROSS_ENTROPY, ONE_MINUS_ACCURACY),
        default=CROSS_ENTROPY,
        help="which one is reported; the model learns from the cross-entropy (%(default)s)",
    )
    add("--resume", action="store_true", help="go on from the newest checkpoint in the output directory")
    add("--final-save", action=switch, default=True, help="also save at the end")
    add("--training-state", action=switch, default=True, help="save what --resume needs")
