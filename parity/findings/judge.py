"""From measurements to findings: what belongs together, what matters, and what proves nothing."""

import shlex
from collections.abc import Mapping
from typing import Final

from parity.compare.measurement import Comparison, Difference, Measurement
from parity.findings.model import Finding, Judgement, Verdict
from parity.findings.reproduction import defines_training, irreproducible, read_reproduction
from parity.trace.channels import Role
from parity.trace.model import Trace

_NAMING: Final = frozenset({"checkpoint_value", "exception"})
_VERDICTS: Final = {
    Difference.VALUE: Verdict.DIFFERENT,
    Difference.MISSING: Verdict.MISSING,
    Difference.EXTRA: Verdict.EXTRA,
}


def judge(comparison: Comparison, *, rerun: Comparison | None = None) -> Judgement:
    """Judge what was measured.

    ``rerun`` compares the reference with its own second run: a value that the reference itself does not reproduce is
    not compared from there on. A difference that both command lines ask for (two output directories) does not gate.
    """
    reproduction = read_reproduction(rerun)
    arguments = _given_differently(comparison.reference, comparison.candidate)
    not_compared = list(comparison.not_compared)
    excused: list[Measurement] = []
    groups: dict[tuple[str, Difference, str, bool], list[Measurement]] = {}
    for measurement in comparison.measurements:
        if reproduction.excuses(measurement):
            not_compared.append(irreproducible(measurement))
            excused.append(measurement)
            continue
        if _is_wording(measurement):
            continue
        gates = _gates(measurement) and not _asked_for(measurement, arguments)
        groups.setdefault((*_group(measurement), gates), []).append(measurement)
    findings = tuple(
        Finding(verdict=_VERDICTS[key[1]], channel=found[0].channel, measurements=tuple(found), gates=key[3])
        for key, found in groups.items()
    )
    return Judgement(
        comparison=comparison,
        findings=findings,
        not_compared=tuple(dict.fromkeys(not_compared)),
        irreproducible=tuple(one for one in excused if defines_training(one)),
    )


def _group(measurement: Measurement) -> tuple[str, Difference, str]:
    """Measurements of one channel and kind belong together; printed numbers only when they stand in one line."""
    channel = measurement.channel.name
    line = measurement.name.rpartition("#")[0] if channel == "log_value" else ""
    return channel, measurement.difference, line


def _is_wording(measurement: Measurement) -> bool:
    """Whether a printed number is missing or extra only because its whole line is, which is listed by itself."""
    return measurement.channel.name == "log_value" and measurement.difference is not Difference.VALUE


def _gates(measurement: Measurement) -> bool:
    return measurement.channel.role is Role.BEHAVIOUR


def _asked_for(measurement: Measurement, arguments: Mapping[str, str]) -> bool:
    """Whether the text differs just as the two command lines do, for example in the name of the output directory."""
    reference, candidate = measurement.reference, measurement.candidate
    if measurement.channel.name not in _NAMING or not isinstance(reference, str) or not isinstance(candidate, str):
        return False
    return any(ours in reference and reference.replace(ours, theirs) == candidate for ours, theirs in arguments.items())


def _given_differently(reference: Trace, candidate: Trace) -> dict[str, str]:
    """Names, such as output directories, that the two command lines set differently, from reference to candidate."""
    ours, theirs = _options(reference.command), _options(candidate.command)
    return {
        ours[key]: theirs[key]
        for key in ours
        if key in theirs and ours[key] != theirs[key] and any(sign.isalpha() for sign in ours[key])
    }


def _options(command: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--"):
            key, equals, value = word.partition("=")
            found[key] = value if equals else following
    return found
