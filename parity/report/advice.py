"""The command to run next, after what has just been learned."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Judgement
from parity.trace.model import Trace

_OPTIONS: Final = {"--updates": "updates_limit", "--seed": "seed", "--world": "world"}


def next_command(outcomes: Sequence[Outcome], directory: Path | None) -> str:
    """The most useful command after ``outcomes``, whose results are in ``directory``; empty where there is none.

    After a difference that was not yet judged phase by phase, that; after one that was, how to accept it; after parity,
    what it was proved of.
    """
    failed = next((one.error for one in outcomes if one.error is not None), None)
    if failed is not None:
        return f"parity help {failed.slug}"
    diverging = next((one for one in outcomes if one.judgement is not None and one.judgement.gating), None)
    if diverging is not None and diverging.judgement is not None:
        gate = f"parity gate {shlex.quote(str(directory))}" if directory is not None else ""
        return _follow(diverging, diverging.judgement) or gate
    return f"parity report {shlex.quote(str(directory))} --genre status" if directory is not None else ""


def _follow(outcome: Outcome, judgement: Judgement) -> str:
    if outcome.followed is not None or outcome.resumption is not None:
        return ""
    commands = (judgement.comparison.reference.command, judgement.comparison.candidate.command)
    if not all(commands):
        return ""
    words = [*commands, *_conditions(judgement.comparison.reference), "--follow"]
    return f"parity compare {' '.join(shlex.quote(one) for one in words)}"


def _conditions(trace: Trace) -> Iterator[str]:
    """The options that make a run like ``trace``: without a limit, it could take a week."""
    for option, key in _OPTIONS.items():
        value = trace.manifest.get(key)
        if value is not None and (option, value) != ("--world", 1):
            yield from (option, str(value))
