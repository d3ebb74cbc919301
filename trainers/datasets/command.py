"""The command ``python -m trainers data``: prepare a data directory."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from trainers.datasets.bpe import BytePairEncoder
from trainers.datasets.char_tiny import write_char_tiny
from trainers.datasets.corpus import Corpus
from trainers.datasets.documents_tiny import write_documents_tiny
from trainers.datasets.occupations import write_occupations
from trainers.datasets.options import data_parser
from trainers.datasets.published_shards import PUBLISHED_SHARDS, write_shards
from trainers.datasets.shakespeare import write_text
from trainers.datasets.stream_texts import write_stream_texts
from trainers.datasets.token_files import write_documents


def main(arguments: Sequence[str]) -> int:
    """Prepare the data that the command line names; returns the exit status.

    Raises:
        DataError: the source cannot be used.
    """
    chosen = data_parser().parse_args(arguments)
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


def _stream_texts(chosen: Namespace) -> str:
    write_stream_texts(chosen.out, seed=chosen.seed, texts=chosen.texts)
    return f"wrote texts.jsonl to {chosen.out}; train on it with trainers stream sample --dataset {chosen.out}"


def _documents_tiny(chosen: Namespace) -> str:
    write_documents_tiny(chosen.out, seed=chosen.seed)
    return f"wrote documents.jsonl, vocab.json and merges.txt to {chosen.out}; python -m trainers data fineweb-edu"


def _fineweb10b(chosen: Namespace) -> str:
    names = write_shards(chosen.source, chosen.out)
    hint = "" if len(names) == PUBLISHED_SHARDS else f' "--train_shard_filenames={names}"'
    return f"wrote {len(names)} shards to {chosen.out}; train on them with --data_dir={chosen.out}{hint}"


def _fineweb_edu(chosen: Namespace) -> str:
    encoder = BytePairEncoder(chosen.tokenizer)
    corpus = Corpus(files=chosen.source, name=chosen.corpus, part=chosen.part, column=chosen.column)
    documents = corpus.documents(limit=chosen.documents)
    written = write_documents(documents, chosen.out, encoder=encoder, validation_every=chosen.validation_every)
    return (
        f"wrote {written.documents:,} documents to {chosen.out}: {written.train_tokens:,} tokens to train with and"
        f" {written.validation_tokens:,} to validate with, of {encoder.vocabulary_size:,} different ones"
    )


_WRITERS: Final[Mapping[str, Callable[[Namespace], str]]] = {
    "char-tiny": _char_tiny,
    "occupations": _occupations,
    "remapping": _remapping,
    "gpt2-tiny": _gpt2_tiny,
    "shakespeare": _shakespeare,
    "stream-texts": _stream_texts,
    "documents-tiny": _documents_tiny,
    "fineweb10b": _fineweb10b,
    "fineweb-edu": _fineweb_edu,
}
"""What writes the data called by a name, and says what to do with them."""
