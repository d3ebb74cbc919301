"""A text file as a character-level data directory: the first nine tenths train, the rest validates."""

from __future__ import annotations

from pathlib import Path

from trainers.common.errors import DataError
from trainers.datasets.characters import write_dataset

LARGEST_VOCABULARY = 2**16


def write_text(source: Path, directory: Path) -> None:
    """Write the data directory of a UTF-8 text file; ids follow the order of the characters.

    Raises:
        DataError: the file is missing, empty, not UTF-8, or has more characters than uint16 has values.
    """
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {source}: {error}; --from takes a UTF-8 text file") from error
    characters = "".join(sorted(set(text)))
    if not 0 < len(characters) <= LARGEST_VOCABULARY:
        raise DataError(
            f"{source} has {len(characters)} different characters, expected 1 to {LARGEST_VOCABULARY}; use another file"
        )
    ids_of = {character: number for number, character in enumerate(characters)}
    ids = [ids_of[character] for character in text]
    cut = len(ids) * 9 // 10
    write_dataset(directory, train=ids[:cut], validation=ids[cut:], characters=characters)
