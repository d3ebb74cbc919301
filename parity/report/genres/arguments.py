"""What one side was told on its command line and the other was not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from parity.report.document import Code, Strong, Text
from parity.report.facts import words_of
from parity.report.subject import Subject
from parity.surface.flags import plain_name


@dataclass(frozen=True, kw_only=True)
class Argument:
    """An option as it was given: its words, and which side got it alone or with another value.

    ``default`` is what it would have been otherwise, where the source says so by a literal; ``tried`` whether that side
    ran with it in another scenario.
    """

    name: str
    words: str
    side: str
    default: str = ""
    tried: bool = False


def told_apart(subject: Subject) -> tuple[Argument, ...]:
    """What one side alone was given in the first scenario that was compared, with its default."""
    if not subject.comparisons:
        return ()
    _, comparison = subject.comparisons[0]
    surfaces = {"reference": subject.reference, "candidate": subject.candidate}
    found = []
    for one in given_apart(comparison.reference.command, comparison.candidate.command):
        surface = surfaces[one.side]
        flags = surface.flags if surface is not None else ()
        default = next((flag.default for flag in flags if flag.name == one.name), "")
        others = (getattr(other, one.side).command for _, other in subject.comparisons[1:])
        tried = any(one.name not in dict(_options(command)) for command in others)
        found.append(replace(one, default=default, tried=tried))
    return tuple(found)


def untried(subject: Subject) -> Iterator[Text]:
    """What nobody knows, because the candidate was given an option that the reference was not, in every scenario."""
    for one in told_apart(subject):
        if one.side == "candidate" and not one.tried:
            yield _unknown(one)


def _unknown(one: Argument) -> Text:
    default: Text = (", which is ", Code(one.default)) if one.default else ()
    opening = Strong(("Not compared:",))
    return opening, " the candidate with its default of ", Code(one.name), *default, "; it was given ", Code(one.words)


def given_apart(reference: str, candidate: str) -> tuple[Argument, ...]:
    """The options of two commands that only one has, or that have another value there."""
    ours, theirs = dict(_options(reference)), dict(_options(candidate))
    found = []
    for side, given, others in (("reference", ours, theirs), ("candidate", theirs, ours)):
        apart = ((name, words) for name, words in given.items() if not _same(name, words, others))
        found += [Argument(name=name, words=words, side=side) for name, words in apart]
    return tuple(found)


def _same(name: str, words: str, others: dict[str, str]) -> bool:
    return name in others and _value(others[name]) == _value(words)


def _options(command: str) -> Iterator[tuple[str, str]]:
    """Name and words of each option; the words up to the next option belong to it."""
    words = words_of(command)
    starts = [at for at, word in enumerate(words) if word.startswith("--") and len(word) > len("--")]
    for start, stop in zip(starts, [*starts, len(words)][1:], strict=True):
        yield plain_name(words[start].partition("=")[0]), " ".join(words[start:stop])


def _value(words: str) -> str:
    """What an option was given, however its words are joined."""
    for at, character in enumerate(words):
        if character in "= ":
            return words[at + 1 :]
    return ""
