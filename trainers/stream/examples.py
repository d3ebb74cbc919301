"""From a stream of texts to token ids that can be trained on; what cannot is skipped, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from trainers.stream.reading import Position, Reading
from trainers.stream.sources import Unreadable
from trainers.stream.tokenizers import Tokenizer

SKIP_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class Example:
    """One text to be trained on: ``tokens`` has at least two ids, ``position`` is where the next one begins."""

    text: str
    tokens: list[int]
    position: Position

    @property
    def inputs(self) -> list[int]:
        """All ids but the last."""
        return self.tokens[:-1]

    @property
    def targets(self) -> list[int]:
        """All ids but the first."""
        return self.tokens[1:]


class Examples:
    """Iterates over what can be trained on.

    Whatever is skipped counts, so that a source without anything to train on comes to an end: more than ``limit`` in a
    row are the end of the stream. ``skipped`` counts all of them by reason; ``ending`` says why there are no more.
    """

    def __init__(
        self,
        readings: Iterable[Reading],
        *,
        tokenizer: Tokenizer,
        longest: int,
        shortest_text: int,
        limit: int = SKIP_LIMIT,
        say: Callable[[str], None] = print,
    ) -> None:
        """Cut to ``longest`` tokens; skip texts of fewer than ``shortest_text`` characters."""
        self._readings = readings
        self._tokenizer = tokenizer
        self._longest = longest
        self._shortest_text = shortest_text
        self._limit = limit
        self._say = say
        self.skipped: Counter[str] = Counter()
        self.ending = ""

    def __iter__(self) -> Iterator[Example]:
        """Yield examples until the stream ends."""
        in_a_row = 0
        for reading in self._readings:
            found = self._example(reading)
            if isinstance(found, Example):
                in_a_row = 0
                yield found
                continue
            self.skipped[found] += 1
            in_a_row += 1
            if in_a_row > self._limit:
                self.ending = f"{in_a_row} examples in a row could not be used, stopping"
                return
        self.ending = "end of the data"

    def summary(self) -> str:
        """What was skipped, by reason."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items())) or "nothing"

    def _example(self, reading: Reading) -> Example | str:
        """The example in a reading, or why there is none."""
        text = reading.content
        if isinstance(text, Unreadable):
            self._say(f"skipping a sample: {text.reason}")
            return "unreadable"
        if len(text) < self._shortest_text:
            return "too short"
        tokens = self._tokenizer.encode(text)[: self._longest]
        if len(tokens) < 2:
            return "of fewer than two tokens"
        return Example(text=text, tokens=tokens, position=reading.position)
