"""What a reviewer has to act on, one by one: causes, findings without one, violated invariants and errors."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.diagnose.registry import documented
from parity.findings.model import Finding
from parity.invariants.lint import Betrayal
from parity.report.document import plain
from parity.report.evidence import location, sites
from parity.report.explanation import Explanation, Sighting, explanations, unexplained
from parity.report.wording import capitalised, extent, sentence, squeezed, values, word

_DIGEST_BYTES: Final = 16


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One thing to act on.

    ``rule`` names its kind; ``file`` and ``line`` are where the candidate does it, empty and 0 where that is not known.
    ``fingerprint`` stays the same over reruns, values and updates.
    """

    rule: str
    title: str
    message: str
    advice: str
    help: str
    pair: str
    scenarios: tuple[str, ...]
    fingerprint: str
    file: str = ""
    line: int = 0


def issues(pair: str, outcomes: Sequence[Outcome]) -> tuple[Issue, ...]:
    """All issues of a pair: causes first, by their rank; then what no cause explains, then the rest."""
    found = [
        *_causes(pair, outcomes),
        *_unexplained(pair, outcomes),
        *_betrayals(pair, outcomes),
        *_errors(pair, outcomes),
    ]
    unique: dict[str, Issue] = {}
    for one in found:
        unique.setdefault(one.fingerprint, one)
    return tuple(unique.values())


def _causes(pair: str, outcomes: Sequence[Outcome]) -> Iterator[Issue]:
    """Causes of one kind are told apart by their order: their titles may hold values."""
    seen: Counter[str] = Counter()
    for explanation in explanations(outcomes):
        identifier = explanation.cause.id
        yield _of_cause(pair, explanation, _fingerprint(pair, identifier, str(seen[identifier])))
        seen[identifier] += 1


def _of_cause(pair: str, explanation: Explanation, fingerprint: str) -> Issue:
    cause = explanation.cause
    scenarios = tuple(sighting.scenario for sighting in explanation.sightings)
    shown = next(((one, one.findings[0]) for one in explanation.sightings if one.findings), None)
    evidence = _measured(*shown) if shown is not None else "; ".join(cause.evidence)
    file, line = _place(*shown) if shown is not None else ("", 0)
    return Issue(
        rule=cause.id,
        title=squeezed(cause.title),
        message=f"{sentence(cause.title)} {sentence(cause.consequence)} {evidence}",
        advice=sentence(cause.advice),
        help=documented(cause.id),
        pair=pair,
        scenarios=scenarios,
        fingerprint=fingerprint,
        file=file,
        line=line,
    )


def _unexplained(pair: str, outcomes: Sequence[Outcome]) -> Iterator[Issue]:
    for sighting in unexplained(outcomes):
        for finding in sighting.findings:
            file, line = _place(sighting, finding)
            title = f"{capitalised(finding.channel.title)} {word(finding.verdict)}, cause unknown"
            yield Issue(
                rule=f"unexplained/{finding.channel.name}",
                title=title,
                message=f"{sentence(title)} {_measured(sighting, finding)}",
                advice="No known cause predicts it: the reason has to be found.",
                help="docs/trace-format.md",
                pair=pair,
                scenarios=(sighting.scenario,),
                fingerprint=_fingerprint(pair, finding.id),
                file=file,
                line=line,
            )


def _betrayals(pair: str, outcomes: Sequence[Outcome]) -> Iterator[Issue]:
    for outcome in outcomes:
        for one in outcome.invariants.betrayals if outcome.invariants is not None else ():
            if one.gates:
                yield _of_betrayal(pair, outcome.scenario, one)


def _of_betrayal(pair: str, scenario: str, one: Betrayal) -> Issue:
    invariant = one.candidate.invariant
    evidence = "; ".join(one.candidate.evidence)
    return Issue(
        rule=f"invariant/{invariant.id}",
        title=invariant.broken,
        message=f"{sentence(invariant.broken)} {sentence(invariant.consequence)} {sentence(evidence)}",
        advice=sentence(invariant.advice),
        help="docs/invariants.md",
        pair=pair,
        scenarios=(scenario,),
        fingerprint=_fingerprint(pair, invariant.id),
    )


def _errors(pair: str, outcomes: Sequence[Outcome]) -> Iterator[Issue]:
    for outcome in outcomes:
        if outcome.error is not None:
            slug = outcome.error.slug
            yield Issue(
                rule=f"error/{slug}",
                title=f"Scenario {outcome.scenario} could not be compared",
                message=f"Not compared: {sentence(squeezed(str(outcome.error)))}",
                advice=f"parity help {slug}",
                help="",
                pair=pair,
                scenarios=(outcome.scenario,),
                fingerprint=_fingerprint(pair, outcome.scenario, slug),
            )


def _measured(sighting: Sighting, finding: Finding) -> str:
    first = finding.first
    reference, candidate = (plain(one) for one in values(first))
    name = f" {first.name}" if first.name else ""
    where = location(first, sighting.comparison)
    measured = f"{finding.channel.name}{name} {where}: reference {reference}, candidate {candidate}"
    return f"First seen in scenario {sighting.scenario}, {sentence(measured)} {capitalised(sentence(extent(finding)))}"


def _place(sighting: Sighting, finding: Finding) -> tuple[str, int]:
    """The line of the candidate that did it; empty and 0 where it is not known."""
    first = finding.first
    found = sites(sighting.comparison.candidate, first, first.candidate_name)
    return (found[0].file, found[0].line) if found else ("", 0)


def _fingerprint(*parts: str) -> str:
    text = "\n".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()
