"""Texts for family stream, made up: a stand-in for a dataset of the hub, with all that such a dataset holds.

Among the texts are an empty one, short ones, blank ones, one that is null and a line that is no JSON. The bytes depend
on the seed alone: only ``random.random`` is drawn from, whose sequence Python guarantees.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

VOCABULARY = """
the a one every some river stone morning winter letter farmer teacher sailor child road house field tree
finds loses carries follows remembers forgets watches leaves old quiet bright heavy small near beyond under and
"""
WORDS = VOCABULARY.split()
TEXTS = 80
USELESS = {
    2: '{"text": ""}',
    5: '{"text": "short"}',
    6: '{"text": "            "}',
    9: '{"text": "this line breaks off',
    10: '{"text": null}',
    13: '{"title": "no text"}',
    17: '{"text": "           x"}',
}
"""Lines by their place, counted from 0."""
LONGEST, SHORTEST = 40, 3
"""Words of a text."""


def write_stream_texts(directory: Path, *, seed: int, texts: int = TEXTS) -> None:
    """Write texts.jsonl, of so many lines."""
    directory.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    lines = [USELESS.get(number) or json.dumps({"text": _text(generator)}) for number in range(texts)]
    (directory / "texts.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _text(generator: random.Random) -> str:
    count = SHORTEST + int(generator.random() * (LONGEST - SHORTEST))
    words = [WORDS[int(generator.random() * len(WORDS))] for _ in range(count)]
    return " ".join(words).capitalize() + "."
