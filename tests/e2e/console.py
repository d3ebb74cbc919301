"""Does what a page tells its reader to do: writes its files, makes its edits, and runs its commands.

A fenced block ``python NAME`` (or toml, yaml) is the content of that file; ``diff NAME`` edits it; in ``console``,
lines after ``$`` are commands and the others what they print, in which ``...`` stands for anything.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_FENCED = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COUNTED = re.compile(r"\d[\d,]*(?= (?:values|series|equal|items)\b)")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")


class Block(NamedTuple):
    """A fenced block: its language, the file that it is about, and its content."""

    language: str
    file: str
    text: str


class Step(NamedTuple):
    """A command and what it prints."""

    command: str
    output: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of ``page``."""
    for language, file, text in _FENCED.findall(page.read_text(encoding="utf-8")):
        yield Block(language, file, text)


def steps(text: str) -> Iterator[Step]:
    """The commands of a block ``console``."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Step(command, output)


def follow(page: Path, place: Path, environment: Mapping[str, str], day: str) -> Iterator[tuple[Step, str]]:
    """Do everything in ``page`` in the directory ``place``; each command with what it has really printed.

    Days are replaced by ``day``: those of the page pass.
    """
    for block in blocks(page):
        if block.language == "diff":
            _edit(place / block.file, block.text)
        elif block.language == "console":
            for step in steps(_DAY.sub(day, block.text)):
                yield step, _run(step.command, place, environment)
        elif block.file:
            (place / block.file).parent.mkdir(parents=True, exist_ok=True)
            (place / block.file).write_text(block.text, encoding="utf-8")


def agrees(expected: str, printed: str) -> bool:
    """Whether ``printed`` is what a page says, aside from its gaps, and from how much there is to record."""
    said, done = (_COUNTED.sub("N", text.rstrip()) for text in (expected, printed))
    wanted = ".*".join(re.escape(part) for part in said.split("..."))
    return re.fullmatch(wanted, done, re.DOTALL) is not None


def _edit(path: Path, diff: str) -> None:
    lines = diff.splitlines(keepends=True)
    before, after = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path.name} should hold once:\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def _run(command: str, place: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=place, env=dict(environment), capture_output=True, text=True, check=False
    )
    return done.stdout
