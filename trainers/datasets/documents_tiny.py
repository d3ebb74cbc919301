"""A small stand-in for a corpus of the hub: made-up documents as JSON lines, and a tokenizer for them.

Its bytes depend on the seed alone, as those of the other stand-ins do.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from trainers.datasets.bpe import END_OF_TEXT, MERGES_NAME, VOCABULARY_NAME
from trainers.datasets.char_tiny import markov_chain

DOCUMENTS_NAME = "documents.jsonl"
WORDS = (
    *("the", "and", "of", "water", "light", "energy", "cell", "cells", "plant", "plants", "heat", "sun", "makes"),
    *("moves", "stores", "grows", "because", "when", "so", "a", "in", "from", "into", "leaf", "root", "air", "."),
)
DOCUMENTS = 400
SHORTEST, SPREAD = 20, 60
SPACE = "\u0120"
"""How byte-level encodings write a space."""


def write_documents_tiny(directory: Path, *, seed: int, documents: int = DOCUMENTS) -> None:
    """Write documents.jsonl, vocab.json and merges.txt."""
    directory.mkdir(parents=True, exist_ok=True)
    walk = markov_chain(len(WORDS), seed=seed)
    with (directory / DOCUMENTS_NAME).open("w", encoding="utf-8", newline="\n") as file:
        for number in range(documents):
            length = SHORTEST + next(walk) * SPREAD // len(WORDS)
            text = " ".join(WORDS[word] for word in islice(walk, length))
            file.write(json.dumps({"id": f"document-{number}", "text": text}) + "\n")
    merges = _merges()
    tokens = [*_byte_symbols(), *("".join(pair) for pair in merges), END_OF_TEXT]
    (directory / VOCABULARY_NAME).write_text(
        json.dumps({token: number for number, token in enumerate(tokens)}), encoding="utf-8"
    )
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (directory / MERGES_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _merges() -> list[tuple[str, str]]:
    """Merge every word, with the space before it, from its beginning on."""
    found: dict[tuple[str, str], None] = {}
    for word in WORDS:
        spelled = SPACE + word
        for end in range(1, len(spelled)):
            found.setdefault((spelled[:end], spelled[end]))
    return list(found)


def _byte_symbols() -> list[str]:
    """Write each of the 256 bytes as one visible character: itself where it is one, else one from 256 on."""
    visible = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte) if byte in visible else chr(256 + hidden.index(byte)) for byte in range(256)]
