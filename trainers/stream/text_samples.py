"""Samples of text: what the model was given, and what it makes of it, or should have."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.stream.examples import Example
from trainers.stream.history import TextSample
from trainers.stream.model import Learner
from trainers.stream.tokenizers import Tokenizer

GENERATED, TARGETS = "generated", "targets"
PROMPT, LENGTH = 10, 40
"""Tokens that a continuation begins with, and tokens that it has."""


@dataclass(frozen=True, kw_only=True)
class TextSampler:
    """Takes samples of at most ``longest`` tokens; ``output`` is what the model continues with, or the targets."""

    learner: Learner
    tokenizer: Tokenizer
    output: str
    longest: int
    temperature: float

    def take(self, example: Example, *, step: int, accuracy: float) -> TextSample | None:
        """Return a sample, None where one of its texts would be empty."""
        if self.output == TARGETS:
            given, found = example.inputs[: self.longest], example.targets[: self.longest]
        else:
            given = example.inputs[:PROMPT]
            end = self.tokenizer.end
            found = self.learner.generate(given, length=LENGTH, temperature=self.temperature, end=end)
        text, output = self.tokenizer.decode(given), self.tokenizer.decode(found)
        if not text or not output:
            return None
        return {"step": step, "input": text, "output": output, "accuracy": accuracy}
