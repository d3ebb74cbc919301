"""What can go wrong in a way that the person at the keyboard can put right."""

from __future__ import annotations

from collections.abc import Sequence


class TrainerError(Exception):
    """The base class; the message names the offending value, what was expected and the way out, in one line."""


class ConfigError(TrainerError):
    """The configuration does not make sense; all its problems are reported together."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep ``problems``, one sentence each, and join them to the message."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class DataError(TrainerError):
    """A file of tokens or its description is missing or unusable."""


class OperationError(TrainerError):
    """An operation of a scaling schedule cannot be carried out; nothing has changed."""


class CheckpointError(TrainerError):
    """A checkpoint is missing or does not fit."""
