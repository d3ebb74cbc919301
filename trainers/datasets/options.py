"""The options of ``python -m trainers data``."""

from __future__ import annotations

import argparse
from pathlib import Path

from trainers.datasets.char_tiny import TRAIN_TOKENS, VALIDATION_TOKENS
from trainers.datasets.corpus import FINEWEB_EDU, FINEWEB_EDU_SAMPLE
from trainers.datasets.occupations import TRAIN_ROWS, VALIDATION_ROWS
from trainers.datasets.stream_texts import TEXTS


def data_parser() -> argparse.ArgumentParser:
    """A command for every kind of data."""
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
    documents = names.add_parser(
        "documents-tiny",
        help="made-up documents and a tokenizer, a stand-in for a corpus of the hub, for tests",
        description="Documents as JSON lines, with vocab.json and merges.txt of a byte-level BPE for them.",
    )
    documents.add_argument("--seed", type=int, default=1337, help="which documents (default %(default)s)")
    shards = names.add_parser(
        "fineweb10b",
        help="the published shards of FineWeb in tokens of GPT-2, 103 for 10 billion tokens",
        description="Downloaded shards without their headers, as family char_gpt reads them by default.",
    )
    shards.add_argument("--from", dest="source", type=Path, required=True, metavar="DIR", help="where the shards are")
    corpus = _add_corpus(names)
    for command in (tiny, occupations, remapping, weights, stream, text, documents, shards, corpus):
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the directory to write")
    return parser


def _add_corpus(names: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    corpus = names.add_parser(
        "fineweb-edu",
        help="documents of FineWeb-Edu or any corpus, in tokens of GPT-2; needs the extra 'hub'",
        description="Documents from the hub, or from parquet files or JSON lines of this machine, in byte-level BPE.",
    )
    corpus.add_argument(
        "--tokenizer", type=Path, required=True, metavar="DIR", help="where vocab.json and merges.txt of the BPE are"
    )
    corpus.add_argument("--from", dest="source", type=Path, metavar="PATH", help="files to read instead of the hub's")
    corpus.add_argument("--corpus", default=FINEWEB_EDU, metavar="NAME", help="on the hub (default %(default)s)")
    corpus.add_argument("--part", default=FINEWEB_EDU_SAMPLE, metavar="NAME", help="of it (default %(default)s)")
    corpus.add_argument("--column", default="text", metavar="NAME", help="what holds the text (default %(default)s)")
    corpus.add_argument("--documents", type=int, metavar="N", help="how many at most (default all)")
    corpus.add_argument(
        "--validation-every", type=int, default=200, metavar="N", help="one of N documents (default %(default)s)"
    )
    return corpus
