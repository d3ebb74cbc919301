"""How things are said: verdicts, places, values and sizes, in the same words in every report."""

import re
import struct
from collections.abc import Sequence
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.registry import Cause, Diagnosis
from parity.findings.model import Finding, Verdict
from parity.report.document import Code, Text
from parity.trace.channels import Channel, Kind, Phase
from parity.trace.model import Value

LONGEST: Final = 160
_LEAD: Final = 40
_COUNTABLE: Final = 1_000_000
_SHORT_MEANING: Final = 4
_CUT: Final = "..."
_AFTER: Final = frozenset({Phase.EVAL, Phase.CHECKPOINT, Phase.LOG})
_DIFFERS: Final = {
    Difference.VALUE: ("differs", "differ"),
    Difference.MISSING: ("is missing in the candidate", "are missing in the candidate"),
    Difference.EXTRA: ("is extra in the candidate", "are extra in the candidate"),
}


def word(verdict: Verdict) -> str:
    """The verdict as it stands in a sentence."""
    return verdict.value.replace("-", " ")


def sentence(text: str) -> str:
    """``text`` closed by a full stop, unless it closes itself."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:" else f"{text}."


def capitalised(text: str) -> str:
    """``text`` with its first letter in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as ``1 value`` or ``1,024 values``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def visible(text: str) -> str:
    """``text`` on one line, with every character that cannot be seen written as its escape sequence."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def shorten(text: str, limit: int = LONGEST) -> str:
    """The beginning of a long text, and how much was left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}{_CUT} ({len(text) - limit:,} more characters)"


def listed(names: Sequence[str], limit: int = 3) -> Text:
    """Names in a row, cut after ``limit`` of them: ``a``, ``b`` ... and 23 more."""
    parts: list[str | Code] = []
    for name in names[:limit]:
        parts += [", ", *quoted(name)]
    more = len(names) - limit
    return (*parts[1:], f" {_CUT} and {more:,} more") if more > 0 else tuple(parts[1:])


def quoted(name: str, limit: int = LONGEST) -> tuple[str | Code, ...]:
    """A name or a text as code; an empty one in words, because there would be nothing to see."""
    return (Code(shorten(name, limit)),) if name else ("(empty)",)


def moment(update: int, phase: Phase) -> str:
    """When something was observed: ``at update 3``, ``before the first update``."""
    if phase is Phase.EXIT:
        return "at the end of the run"
    if update < 0:
        return "before the first update"
    return f"after update {update}" if phase in _AFTER else f"at update {update}"


def place(measurement: Measurement, *, repeats: int = 1, world: int = 1) -> str:
    """Moment, micro-step and rank of a measurement.

    ``repeats`` is how many values the series has under that update, ``world`` the number of ranks; what is the only one
    of its kind is not mentioned.
    """
    parts = [moment(measurement.update, measurement.phase)]
    if measurement.ordinal or repeats > 1:
        inside = Phase.DATA <= measurement.phase <= Phase.BACKWARD
        parts.append(f"{'micro-step' if inside else 'occurrence'} {measurement.ordinal}")
    if measurement.rank or world > 1:
        parts.append(f"rank {measurement.rank}")
    return ", ".join(parts)


def named(channel: Channel, name: str) -> Text:
    """What a series is about: ``, parameter `wte.weight```; nothing where the channel has only one series.

    What a name means is left out where it takes longer to say than to see, as for a printed line.
    """
    means = channel.name_means
    return (f", {means} " if 0 < len(means.split()) <= _SHORT_MEANING else ", ", *quoted(name)) if name else ()


def value(channel: Channel, content: Value | None) -> Text:
    """One value with its unit; floats with all digits needed to tell them apart."""
    if content is None:
        return ("nothing observed",)
    if channel.kind is Kind.DIGEST:
        return "digest ", Code(str(content))
    if isinstance(content, str):
        return quoted(content)
    unit = f" {channel.unit}" if channel.unit else ""
    return (Code(repr(content)), unit) if unit else (Code(repr(content)),)


def values(measurement: Measurement) -> tuple[Text, Text]:
    """Reference and candidate value, written so that their difference can be seen."""
    channel, reference, candidate = measurement.channel, measurement.reference, measurement.candidate
    if isinstance(reference, str) and isinstance(candidate, str):
        reference, candidate = windows(reference, candidate)
    elif isinstance(reference, float) and isinstance(candidate, float) and repr(reference) == repr(candidate):
        return _bits(reference), _bits(candidate)
    return value(channel, reference), value(channel, candidate)


def size(measurement: Measurement) -> str:
    """Absolute, relative and ULP size of a difference, as far as they mean something; else empty."""
    parts = []
    if measurement.absolute is not None:
        parts.append(f"absolute {measurement.absolute!r}")
    if measurement.relative is not None:
        parts.append(f"relative {measurement.relative!r}")
    if measurement.ulp is not None:
        parts.append(f"{measurement.ulp:,} ULP" if measurement.ulp < _COUNTABLE else f"{measurement.ulp:.1e} ULP")
    return ", ".join(parts)


def extent(finding: Finding) -> str:
    """How far a finding reaches: ``19 of 20 values in 3 series differ``."""
    differing = sum(measurement.differing for measurement in finding.measurements)
    compared = sum(measurement.compared for measurement in finding.measurements)
    series = len(finding.measurements)
    inside = f" in {count(series, 'series', 'series')}" if series > 1 else ""
    verb = _DIFFERS[finding.first.difference][differing != 1]
    return f"{differing:,} of {count(compared, 'value')}{inside} {verb}"


def share(cause: Cause, diagnosis: Diagnosis) -> str:
    """Which part of the gating findings a cause explains: ``5 of 6 findings (83 %)``."""
    part = len(cause.explains)
    percent = round(100 * diagnosis.share(cause))
    # A rounded 100 % would claim what is not so.
    shown = percent if part in (0, diagnosis.total) else min(max(percent, 1), 99)
    return f"{part} of {count(diagnosis.total, 'finding')} ({shown} %)"


def squeezed(text: str) -> str:
    """``text`` as running text: every stretch of white space becomes one space."""
    return re.sub(r"\s+", " ", text)


def windows(reference: str, candidate: str) -> tuple[str, str]:
    """Two texts, long ones cut so that the place where they first differ is in sight."""
    if max(len(reference), len(candidate)) <= LONGEST:
        return reference, candidate
    together = zip(reference, candidate, strict=False)
    same = next((at for at, (one, other) in enumerate(together) if one != other), min(len(reference), len(candidate)))
    start = max(0, same - _LEAD)
    return _window(reference, start), _window(candidate, start)


def _window(text: str, start: int) -> str:
    before = _CUT if start else ""
    return before + shorten(text[start:])


def _bits(number: float) -> Text:
    return Code(repr(number)), " (bits ", Code(struct.pack(">d", number).hex()), ")"
