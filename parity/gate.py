"""One verdict and one exit code from any number of outcomes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.errors import PARITY, VIOLATED, TraceMissingError, TraceUnreadableError

RESULT: Final = "result.json"


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """The exit code of a session: the gravest of its outcomes, 0 when all are in parity."""
    return max((outcome.exit_code for outcome in outcomes), default=PARITY)


def stored_exit_code(directory: Path) -> tuple[int, list[tuple[str, str]]]:
    """Exit code and (name, verdict) of every stored result under ``directory``.

    Raises:
        TraceMissingError: there is no result.
        TraceUnreadableError: a result cannot be read.
    """
    paths = sorted(directory.rglob(RESULT)) if directory.is_dir() else [directory]
    if not paths or not paths[0].is_file():
        message = f"{directory} holds no {RESULT}; make one with: parity compare REFERENCE CANDIDATE, or: parity run"
        raise TraceMissingError(message)
    code = PARITY
    verdicts = []
    for path in paths:
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            one = int(result["exit_code"])
            verdicts.append((f"{result['pair']}/{result['scenario']}", str(result["verdict"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"{path} is not a result of this version ({error!r}); run the comparison again"
            raise TraceUnreadableError(message) from error
        code = max(code, one)
    return code, verdicts


__all__ = ["RESULT", "VIOLATED", "exit_code", "stored_exit_code"]
