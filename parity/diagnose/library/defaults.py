"""Causes in what nobody asks for: options that have another value on each side because their defaults differ."""

import re
from collections.abc import Iterator
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.printout import multiplied
from parity.diagnose.library.reach import explained
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.lines import split_line
from parity.trace.model import Value

_NAMED: Final = re.compile(r"(?:^|\s)--?([A-Za-z][\w-]*)")

Pair = tuple[float, float]


@rule(
    "default-differs",
    needs=("config",),
    predicts="everything that follows from the first difference, which is just that value",
    advice="Give these options the reference's defaults, or name them on both command lines. What reads a file of "
    "options may be at fault as well.",
)
def default_differs(case: Case) -> Cause | None:
    """What differs first is the value of an option that neither command line names: each side has its own default.

    A run that loads weights may have taken the value from where it found them, and nothing is said about it.
    """
    # what is printed before the first update may be made of any option
    trained = [finding.first for finding in case.judgement.gating if finding.phase is not Phase.LOG]
    found = list(_defaults(case))
    if not trained or not found or any(True for side in case.sides or () for _ in side.channel("weights_loaded")):
        return None
    start = trained[0]
    shown = set(_apart(start.reference, start.candidate))
    meant = next((one for one in found if shown & set(_apart(one.reference, one.candidate))), None)
    if meant is None:
        return None

    def predicts(one: Measurement) -> bool:
        return one.moment >= start.moment and (not case.followed or one.phase is start.phase)

    factors = {theirs / ours for one in found for ours, theirs in _apart(one.reference, one.candidate) if ours}
    lines = [evidence.both(one.name, one.reference, one.candidate) for one in (meant, *found)]
    rest = len(set(lines)) - 1
    more = f", and {evidence.plural(rest, 'more option')}" if rest else ""
    return Cause(
        id="default-differs",
        title=f"The candidate has a default of its own for {meant.name}{more}",
        explains=explained(case, predicts, multiplied(factors, "")),
        evidence=(evidence.line(start), *dict.fromkeys(lines), "neither command line names them"),
        consequence="Whoever starts the candidate as they started the reference trains otherwise.",
    )


def _defaults(case: Case) -> Iterator[Measurement]:
    """Keys of the configuration that differ, though neither command line says so."""
    told = f"{case.reference.command} {case.candidate.command}"
    named = {_plain(word) for word in _NAMED.findall(told)}
    for one in case.judgement.comparison.measurements:
        if one.channel.name == "config" and one.difference is Difference.VALUE and _plain(one.name) not in named:
            yield one


def _plain(key: str) -> str:
    return key.replace("-", "_").lower()


def _apart(reference: Value | None, candidate: Value | None) -> Iterator[Pair]:
    """The numbers that differ, in texts that are otherwise the same."""
    (ours, numbers), (theirs, others) = (split_line(str(one)) for one in (reference, candidate))
    if ours == theirs:
        yield from (pair for pair in zip(numbers, others, strict=True) if pair[0] != pair[1])
