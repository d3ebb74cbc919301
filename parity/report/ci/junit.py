"""JUnit XML: one suite for each scenario, in it one case for each phase of the training."""

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Judgement
from parity.report.document import plain
from parity.report.evidence import location
from parity.report.facts import compared_channels
from parity.report.wording import extent, sentence, squeezed, values, visible, word
from parity.trace.channels import CHANNELS, Phase

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MOST_FINDINGS: Final = 20


def junit(outcomes: Sequence[Outcome]) -> str:
    """All scenarios; a phase of which nothing was compared is skipped, never passed."""
    suites = [_suite(outcome) for outcome in outcomes]
    return f'{_HEAD}<testsuites name="parity">\n{"".join(suites)}</testsuites>\n'


def _suite(outcome: Outcome) -> str:
    name = f"{outcome.pair}/{outcome.scenario}"
    cases = list(_cases(outcome))
    counts = {kind: sum(case.startswith(f"<{kind}") for _, case in cases) for kind in ("failure", "error", "skipped")}
    numbers = f'tests="{len(cases)}" failures="{counts["failure"]}" errors="{counts["error"]}"'
    body = "".join(
        f"    <testcase classname={_attribute(name)} name={_attribute(title)}>{inside}</testcase>\n"
        for title, inside in cases
    )
    opening = f'  <testsuite name={_attribute(name)} {numbers} skipped="{counts["skipped"]}">\n'
    return f"{opening}{body}  </testsuite>\n"


def _cases(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Name of each case, and what stands inside it."""
    judgement = outcome.judgement
    if judgement is None:
        error = outcome.error
        slug, text = (error.slug, str(error)) if error is not None else ("no-result", "the scenario has no result")
        yield "comparison", _element("error", slug, text.splitlines(), kind=slug)
        return
    compared = {CHANNELS[name].phase for name in compared_channels(judgement) if name in CHANNELS}
    for phase in Phase:
        findings = [one for one in judgement.gating if one.phase is phase]
        if findings:
            yield phase.name.lower(), _failure(findings, judgement)
        elif phase in compared:
            yield phase.name.lower(), ""
        else:
            yield phase.name.lower(), f"<skipped message={_attribute('not compared')}/>"
    for one in outcome.invariants.betrayals if outcome.invariants is not None else ():
        if one.gates:
            invariant = one.candidate.invariant
            yield (
                invariant.id,
                _element("failure", invariant.broken, "\n".join(one.candidate.evidence), kind="invariant"),
            )
    if judgement.irreproducible:
        text = "the reference does not reproduce its own training"
        yield "reference", _element("error", text, (text,), kind="irreproducible")
    elif judgement.comparison.blind:
        yield "trace", _element("error", judgement.comparison.blind, (judgement.comparison.blind,), kind="incomparable")


def _failure(findings: Sequence[Finding], judgement: Judgement) -> str:
    first = findings[0]
    title = f"{word(first.verdict)}: {first.channel.title}, {location(first.first, judgement.comparison)}"
    lines = []
    for one in findings[:_MOST_FINDINGS]:
        reference, candidate = (plain(side) for side in values(one.first))
        name = f" {one.first.name}" if one.first.name else ""
        lines.append(
            f"{one.channel.name}{name} {location(one.first, judgement.comparison)}: "
            f"reference {reference}, candidate {candidate}; {sentence(extent(one))}"
        )
    return _element("failure", title, lines, kind=first.verdict.value)


def _element(tag: str, message: str, lines: Sequence[str], *, kind: str) -> str:
    content = "\n".join(visible(line) for line in lines)
    return f"<{tag} message={_attribute(squeezed(message))} type={_attribute(kind)}>{escape(content)}</{tag}>"


def _attribute(text: str) -> str:
    # What XML has no character for is written as its escape sequence.
    return quoteattr(visible(text))
