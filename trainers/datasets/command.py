"""The command ``python -m trainers data``: prepare a data directory."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from trainers.datasets.bpe import BytePairEncoder
from trainers.datasets.char_tiny import TRAIN_TOKENS, VALIDATION_TOKENS, write_char_tiny
from trainers.datasets.corpus import FINEWEB_EDU, FINEWEB_EDU_SAMPLE, Corpus
from trainers.datasets.documents_tiny import write_documents_tiny
from trainers.datasets.occupations import TRAIN_ROWS, VALIDATION_ROWS, write_occupations
from trainers.datasets.shakespeare import write_text
from trainers.datasets.stream_texts import TEXTS, write_stream_texts
from trainers.datasets.token_files import write_documents


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
    if chosen.name == "documents-tiny":
        write_documents_tiny(chosen.out, seed=chosen.seed)
        print(f"wrote documents.jsonl, vocab.json and merges.txt to {chosen.out}; python -m trainers data fineweb-edu")
        return 0
    if chosen.name == "fineweb-edu":
        print(_write_corpus(chosen))
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


def _write_corpus(chosen: argparse.Namespace) -> str:
    """Write a corpus as tokens; returns what was written."""
    encoder = BytePairEncoder(chosen.tokenizer)
    corpus = Corpus(files=chosen.source, name=chosen.corpus, part=chosen.part, column=chosen.column)
    written = write_documents(
        corpus.documents(limit=chosen.documents),
        chosen.out,
        encoder=encoder,
        validation_every=chosen.validation_every,
    )
    return (
        f"wrote {written.documents:,} documents to {chosen.out}: {written.train_tokens:,} tokens to train with and"
        f" {written.validation_tokens:,} to validate with, of {encoder.vocabulary_size:,} different ones"
    )


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
    documents = names.add_parser(
        "documents-tiny",
        help="made-up documents and a tokenizer, a stand-in for a corpus of the hub, for tests",
        description="Documents as JSON lines, with vocab.json and merges.txt of a byte-level BPE for them.",
    )
    documents.add_argument("--seed", type=int, default=1337, help="which documents (default %(default)s)")
    corpus = _add_corpus(names)
    for command in (tiny, occupations, stream, text, documents, corpus):
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the data directory to write")
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
