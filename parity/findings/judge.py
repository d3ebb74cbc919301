"""From measurements to findings: what belongs together, what matters, and what proves nothing."""

import shlex
from collections.abc import Mapping
from typing import Final

from parity.compare.measurement import Comparison, Difference, Measurement, NotCompared
from parity.findings.model import Finding, Judgement, Verdict
from parity.trace.channels import Phase, Role
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
    unstable = _unstable(rerun)
    arguments = _given_differently(comparison.reference, comparison.candidate)
    not_compared = list(comparison.not_compared)
    irreproducible: list[Measurement] = []
    groups: dict[tuple[str, Difference, str, bool], list[Measurement]] = {}
    for measurement in comparison.measurements:
        since = unstable.get((*_series(measurement), measurement.difference is Difference.VALUE))
        if since is not None and measurement.place >= since:
            not_compared.append(_irreproducible(measurement))
            if measurement.channel.role is Role.BEHAVIOUR and measurement.phase is not Phase.LOG:
                irreproducible.append(measurement)
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
        irreproducible=tuple(irreproducible),
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


def _series(measurement: Measurement) -> tuple[str, str, int]:
    return measurement.channel.name, measurement.name, measurement.rank


def _unstable(rerun: Comparison | None) -> dict[tuple[str, str, int, bool], tuple[int, int, int]]:
    """Where the reference first fails to reproduce itself, for the values of each series and for their presence.

    A value that jitters says nothing about whether there is one; a value that comes and goes says nothing about both.
    """
    found: dict[tuple[str, str, int, bool], tuple[int, int, int]] = {}
    for measurement in rerun.measurements if rerun else ():
        for values in (True,) if measurement.difference is Difference.VALUE else (True, False):
            key = (*_series(measurement), values)
            found[key] = min(found.get(key, measurement.place), measurement.place)
    return found


def _irreproducible(measurement: Measurement) -> NotCompared:
    return NotCompared(
        channel=measurement.channel.name,
        name=measurement.name,
        reason="the reference does not reproduce it in a second run of its own",
    )
