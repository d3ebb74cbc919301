"""From measurements to findings: what belongs together, what matters, and what proves nothing."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from parity.compare.ignoring import without_ignored
from parity.compare.measurement import Comparison, Difference, Measurement
from parity.compare.noise import NoisePass, Weighing
from parity.compare.tolerance import Tolerance, find_tolerance
from parity.findings.model import Finding, Judgement, Verdict
from parity.findings.noise import NoiseVerdict, settle
from parity.findings.reproduction import defines_training, irreproducible, read_reproduction
from parity.trace.channels import Role
from parity.trace.model import Trace

_NAMING: Final = frozenset({"checkpoint_value", "exception"})
_VERDICTS: Final = {
    Difference.VALUE: Verdict.DIFFERENT,
    Difference.MISSING: Verdict.MISSING,
    Difference.EXTRA: Verdict.EXTRA,
}


def judge(
    comparison: Comparison,
    *,
    rerun: Comparison | None = None,
    noise: NoisePass | None = None,
    tolerances: Sequence[Tolerance] = (),
) -> Judgement:
    """Judge what was measured.

    ``rerun`` compares the reference with its own second run: a value that the reference itself does not reproduce is
    not compared from there on. A difference that both command lines ask for (two output directories) does not gate, nor
    does one that ``tolerances`` accept or that is ``noise``: these are equivalent. What they ignore is not compared.
    """
    comparison = without_ignored(comparison, tolerances)
    reproduction = read_reproduction(rerun)
    arguments = _given_differently(comparison.reference, comparison.candidate)
    not_compared = list(comparison.not_compared)
    excused: list[Measurement] = []
    listed: list[Measurement] = []
    gating: list[Measurement] = []
    accepted: dict[Measurement, Tolerance] = {}
    for measurement in comparison.measurements:
        if reproduction.excuses(measurement):
            not_compared.append(irreproducible(measurement))
            excused.append(measurement)
            continue
        if _is_wording(measurement):
            continue
        listed.append(measurement)
        if not _gates(measurement) or _asked_for(measurement, arguments):
            continue
        tolerance = find_tolerance(measurement, comparison, tolerances)
        if tolerance is not None:
            accepted[measurement] = tolerance
        else:
            gating.append(measurement)
    settled = settle(gating, noise) if noise is not None and gating else None
    return Judgement(
        comparison=comparison,
        findings=tuple(_findings(listed, frozenset(gating), accepted, settled)),
        not_compared=tuple(dict.fromkeys(not_compared)),
        irreproducible=tuple(one for one in excused if defines_training(one)),
        noise=settled,
    )


def _findings(
    listed: Sequence[Measurement],
    gating: frozenset[Measurement],
    accepted: Mapping[Measurement, Tolerance],
    settled: NoiseVerdict | None,
) -> Iterator[Finding]:
    """Measurements of one group and one verdict, as findings in the order of their first."""
    groups: dict[tuple[tuple[str, Difference, str], Verdict, bool, Tolerance | None], list[Measurement]] = {}
    for one in listed:
        cleared = one in accepted or (settled is not None and one in settled.cleared)
        verdict = Verdict.EQUIVALENT if cleared else _VERDICTS[one.difference]
        key = _group(one), verdict, one in gating and not cleared, accepted.get(one)
        groups.setdefault(key, []).append(one)
    for (_, verdict, gates, tolerance), found in groups.items():
        yield Finding(
            verdict=verdict,
            channel=found[0].channel,
            measurements=tuple(found),
            gates=gates,
            weighing=_heaviest(found, settled),
            tolerance="" if tolerance is None else str(tolerance),
        )


def _heaviest(found: Sequence[Measurement], settled: NoiseVerdict | None) -> Weighing | None:
    weighings = settled.weighings if settled is not None else {}
    return max((weighings[one] for one in found if one in weighings), key=lambda one: one.ratio, default=None)


def _group(measurement: Measurement) -> tuple[str, Difference, str]:
    """Measurements of one channel and kind belong together; printed numbers only when they stand in one line."""
    channel = measurement.channel.name
    line = measurement.name.rpartition("#")[0] if channel == "log_value" else ""
    return channel, measurement.difference, line


def _is_wording(measurement: Measurement) -> bool:
    """Whether a printed number is missing or extra only because its whole line is, which is listed by itself."""
    return measurement.channel.name == "log_value" and measurement.difference is not Difference.VALUE


def _gates(measurement: Measurement) -> bool:
    is_gift = measurement.channel.owed and measurement.difference is Difference.EXTRA
    return measurement.channel.role is Role.BEHAVIOUR and not is_gift


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
