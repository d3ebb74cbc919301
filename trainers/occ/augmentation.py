"""Altered descriptions for training. Every probability of 0 draws nothing from the random generator."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

UNKNOWN_LANGUAGE = "unk"


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """With which probabilities what is altered; all of them are 0 to 1."""

    text_probability: float = 0.0
    transformations: int = 0
    """Characters that are replaced, dropped or doubled in an altered text."""
    unknown_language_probability: float = 0.0
    description_probability: float = 0.0

    def __call__(self, text: str, language: str, description: str | None) -> tuple[str, str]:
        """Return text and language as the model is to see them."""
        if self.description_probability > 0 and description and random.random() < self.description_probability:
            text = f"{text}: {description}"
        if self.text_probability > 0 and random.random() < self.text_probability:
            text = alter(text, self.transformations)
        if self.unknown_language_probability > 0 and random.random() < self.unknown_language_probability:
            language = UNKNOWN_LANGUAGE
        return text, language


def alter(text: str, transformations: int) -> str:
    """Replace, drop or double ``transformations`` characters, as long as there are any."""
    for _ in range(transformations):
        if not text:
            break
        place = random.randrange(len(text))
        before, character, after = text[:place], text[place], text[place + 1 :]
        match random.randrange(3):
            case 0:
                text = before + random.choice(string.ascii_lowercase) + after
            case 1:
                text = before + after
            case _:
                text = before + 2 * character + after
    return text
