"""Documents as files of tokens: train.bin and val.bin, little-endian uint16, an end-of-text token before each text."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from trainers.common.data import META_FILE, TOKEN_TYPE
from trainers.common.errors import DataError
from trainers.datasets.bpe import Encoder
from trainers.datasets.characters import PICKLE_PROTOCOL

GPT2_VOCABULARY = 50257
DOCUMENTS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What was written: documents, and tokens of both files."""

    documents: int
    train_tokens: int
    validation_tokens: int


def write_documents(documents: Iterable[str], directory: Path, *, encoder: Encoder, validation_every: int) -> Counts:
    """Write the data directory; of every ``validation_every`` documents the first one validates, the others train.

    A vocabulary other than GPT-2's is noted in meta.pkl; trainers take that of GPT-2, padded, where there is none.

    Raises:
        DataError: there are too few documents to fill both files.
    """
    if validation_every < 2:
        raise DataError(f"--validation-every is {validation_every}, expected at least 2: one document trains, one not")
    directory.mkdir(parents=True, exist_ok=True)
    counted, tokens = 0, {"train.bin": 0, "val.bin": 0}
    with (directory / "train.bin").open("wb") as train, (directory / "val.bin").open("wb") as validation:
        for number, ids in enumerate(_encoded(documents, encoder)):
            file, name = (train, "train.bin") if number % validation_every else (validation, "val.bin")
            np.asarray(ids, dtype=TOKEN_TYPE).tofile(file)
            tokens[name] += len(ids)
            counted += 1
    if not all(tokens.values()):
        raise DataError(f"{counted} document(s) are too few for training and validation; use more, or other files")
    meta = directory / META_FILE
    if encoder.vocabulary_size == GPT2_VOCABULARY:
        meta.unlink(missing_ok=True)
    else:
        meta.write_bytes(pickle.dumps({"vocab_size": encoder.vocabulary_size}, protocol=PICKLE_PROTOCOL))
    return Counts(documents=counted, train_tokens=tokens["train.bin"], validation_tokens=tokens["val.bin"])


def _encoded(documents: Iterable[str], encoder: Encoder) -> Iterator[list[int]]:
    """Encode some documents at a time, which takes all processors, and never holds more than these."""
    rest = iter(documents)
    while texts := list(islice(rest, DOCUMENTS_AT_ONCE)):
        for ids in encoder.encode(texts):
            yield [encoder.end_of_text, *ids]
