"""Plain logs: numbers behind their names, or named groups of a pattern. Printed decimals never prove identity."""

import re
from pathlib import Path
from typing import Final

from parity.errors import UsageError
from parity.trace.importers.points import Imported, Options, Point, parse_number, read_bytes

_STEP: Final = re.compile(r"\b(?:step|iter(?:ation)?|update)\b[\s:=#\[(]*(\d+)", re.IGNORECASE)
_METRIC: Final = re.compile(
    r"([A-Za-z_][\w./-]*(?: [A-Za-z_][\w./-]*)?)\s*[:=\s]\s*"
    r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf))(?![\w.%])"
)


def accepts(source: Path) -> bool:
    """Any other file is taken for a log."""
    return source.is_file()


def read(source: Path, options: Options) -> Imported:
    """Read the named groups of the pattern from every line where it is found; ``step`` among them is the step.

    Without a pattern: a line with "step N", "iter N" or "update N", and in it every number that follows one or two
    words; numbers with a unit, such as times, are left out.

    Raises:
        UsageError: the pattern is none, or names no group besides the step.
    """
    expression = _compiled(options.pattern) if options.pattern else None
    found = Imported()
    step = -1
    for line in read_bytes(source).decode("utf-8", "replace").splitlines():
        held = _by_pattern(expression, line) if expression else _by_words(line)
        if not held:
            continue
        step = int(held.pop("step")) if held.get("step", "").isdecimal() else step + 1
        for tag, text in held.items():
            number = parse_number(text.replace(",", ""))
            if number is not None:
                found.points.append(Point(step, tag, float(number), number.text))
    found.judge_texts(always=True)
    return found


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        message = f"--pattern {pattern!r} is no regular expression ({error})"
        raise UsageError(message) from error
    if not set(expression.groupindex) - {"step"}:
        message = (
            rf"--pattern {pattern!r} names no metric; expected something like: step (?P<step>\d+) loss (?P<loss>\S+)"
        )
        raise UsageError(message)
    return expression


def _by_pattern(expression: re.Pattern[str], line: str) -> dict[str, str]:
    match = expression.search(line)
    return {key: text for key, text in match.groupdict().items() if text is not None} if match else {}


def _by_words(line: str) -> dict[str, str]:
    step = _STEP.search(line)
    if step is None:
        return {}
    rest = line[: step.start()] + ";" + line[step.end() :]
    return {"step": step.group(1), **{match.group(1): match.group(2) for match in _METRIC.finditer(rest)}}
