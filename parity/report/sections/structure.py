"""How differently the two programs are built: files, configuration, names."""

from collections.abc import Sequence
from typing import Final

from parity.compare.measurement import Comparison
from parity.diagnose.outcome import Outcome
from parity.report.document import Block, Code, Paragraph, Section, Table, Text
from parity.report.facts import program, source_sizes, texts
from parity.report.wording import count, listed, quoted, squeezed
from parity.trace.model import Trace

_MOST_FILES: Final = 8
_MOST_HOLDERS: Final = 6
_MOST_NAMES: Final = 20
_UNKNOWN: Final[Text] = ("not recorded",)


def structure(outcomes: Sequence[Outcome]) -> Section:
    """Structure of both programs, as the first scenario with a comparison saw it."""
    heading: Text = ("Structural differences",)
    comparison = next((one.judgement.comparison for one in outcomes if one.judgement is not None), None)
    if comparison is None:
        return Section(heading, (Paragraph(("Not known: no scenario led to a comparison.",)),))
    reference, candidate = comparison.reference, comparison.candidate
    rows: tuple[tuple[Text, Text, Text], ...] = (
        (("Program command",), quoted(reference.command), quoted(candidate.command)),
        (("Code structure",), _size(reference), _size(candidate)),
        (("Source files",), _files(reference), _files(candidate)),
        (("Configuration",), _configuration(reference), _configuration(candidate)),
        (("Parameters",), _parameters(reference), _parameters(candidate)),
    )
    header: tuple[Text, ...] = (
        ("Aspect",),
        (Code(program(reference)), " (reference)"),
        (Code(program(candidate)), " (candidate)"),
    )
    return Section(heading, (*_lead(reference, candidate), Table(header, rows), *_renamed(comparison)))


def _lead(reference: Trace, candidate: Trace) -> tuple[Block, ...]:
    ours, theirs = source_sizes(reference), source_sizes(candidate)
    if not ours or not theirs:
        return ()
    return (
        Paragraph(
            (
                Code(program(reference)),
                f" is made of {count(len(ours), 'source file')} with {count(_lines(ours), 'line')}, ",
                Code(program(candidate)),
                f" of {len(theirs):,} with {_lines(theirs):,}.",
            )
        ),
    )


def _lines(sizes: dict[str, tuple[int, ...]]) -> int:
    return sum(lines for lines, _, _ in sizes.values())


def _size(trace: Trace) -> Text:
    sizes = source_sizes(trace)
    if not sizes:
        return _UNKNOWN
    lines, functions, classes = (sum(part) for part in zip(*sizes.values(), strict=True))
    inside = "all in one file" if len(sizes) == 1 else f"in {len(sizes)} files"
    counted = (count(lines, "line"), count(functions, "function"), count(classes, "class", "classes"))
    return (f"{', '.join(counted)}, {inside}",)


def _files(trace: Trace) -> Text:
    """The largest files first: they say most about how a program is cut."""
    files = sorted(source_sizes(trace).items(), key=lambda item: (-item[1][0], item[0]))
    parts: list[str | Code] = []
    for name, (lines, *_) in files[:_MOST_FILES]:
        parts += [", " if parts else "", *quoted(name), f" ({count(lines, 'line')})"]
    if len(files) > _MOST_FILES:
        parts.append(f" ... and {len(files) - _MOST_FILES:,} more")
    return tuple(parts) or _UNKNOWN


def _configuration(trace: Trace) -> Text:
    holders = sorted(texts(trace, "config_source").items())
    parts: list[str | Code] = []
    for name, held in holders[:_MOST_HOLDERS]:
        parts += ["; " if parts else "", *quoted(name), f" ({squeezed(held)})" if held else ""]
    if len(holders) > _MOST_HOLDERS:
        parts.append(f" ... and {len(holders) - _MOST_HOLDERS:,} more")
    return tuple(parts) or _UNKNOWN


def _parameters(trace: Trace) -> Text:
    names = tuple(texts(trace, "parameter_kind"))
    return (f"{len(names):,}: ", *listed(names)) if names else _UNKNOWN


def _renamed(comparison: Comparison) -> tuple[Block, ...]:
    alignment = comparison.alignment
    renamed: list[tuple[Text, ...]] = [
        (quoted(name), quoted(other), (alignment.methods.get(name, "unknown"),))
        for name, other in alignment.parameters.items()
    ]
    renamed += [(quoted(name), quoted(other), ("only file left",)) for name, other in alignment.files.items()]
    if not renamed:
        return (Paragraph(("No parameter, buffer or checkpoint file had to be aligned under another name.",)),)
    lead = f"{count(len(renamed), 'name')} differ between the programs and were taken to mean the same thing:"
    if len(renamed) == 1:
        lead = "One name differs between the programs and was taken to mean the same thing:"
    table = Table((("Reference",), ("Candidate",), ("Recognised by",)), tuple(renamed[:_MOST_NAMES]))
    more = len(renamed) - _MOST_NAMES
    return (Paragraph((lead,)), table, *((Paragraph((f"... and {more:,} more",)),) if more > 0 else ()))
