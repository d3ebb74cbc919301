"""Whether a difference is more than noise: what was run to know it, and each difference against its floor."""

from collections.abc import Sequence
from typing import Final

from parity.compare.noise import FACTOR, ROUNDING, Weighing
from parity.diagnose.outcome import Outcome
from parity.findings.model import Finding, Judgement
from parity.findings.noise import NoiseVerdict
from parity.report.document import Block, Code, Paragraph, Section, Strong, Table, Text
from parity.report.wording import count, listed, moment, named, quoted, word

_HEADER: Final = (("Difference",), ("Names",), ("Verdict",), ("Distance",), ("Noise floor",), ("Ratio",), ("Where",))


def noise(outcomes: Sequence[Outcome]) -> Section | None:
    """One part for each scenario in which something is judged by noise or a tolerance; None where there is none."""
    concerned = [(one.scenario, one.judgement) for one in outcomes if one.judgement is not None and _matters(one)]
    heading: Text = ("Noise",)
    if not concerned:
        return None
    if len(concerned) == 1:
        return Section(heading, tuple(_scenario(concerned[0][1])))
    parts = tuple(Section(("Scenario ", *quoted(name)), tuple(_scenario(judgement))) for name, judgement in concerned)
    return Section(heading, (), parts)


def in_one_line(verdict: NoiseVerdict) -> str:
    """The noise on one line of a terminal."""
    if verdict.omitted:
        return f"not measured: {verdict.omitted}"
    if verdict.worst is None:
        return f"measured in {count(verdict.runs, 'perturbed run')}, nothing to put against it"
    measurement, weighing = verdict.worst
    name = f" {measurement.name}" if measurement.name else ""
    return (
        f"{count(verdict.runs, 'perturbed run')}; largest ratio {weighing.ratio:.3g} of {FACTOR:g}: "
        f"{measurement.channel.name}{name} {moment(weighing.update, measurement.phase)}, "
        f"distance {weighing.distance:.2e}, floor {weighing.floor:.2e}"
    )


def _matters(outcome: Outcome) -> bool:
    judgement = outcome.judgement
    return judgement is not None and (judgement.noise is not None or any(one.tolerance for one in judgement.findings))


def _scenario(judgement: Judgement) -> list[Block]:
    blocks: list[Block] = []
    verdict = judgement.noise
    if verdict is not None and verdict.omitted:
        blocks.append(Paragraph((f"The noise floor was not sought: {verdict.omitted}.",)))
    elif verdict is not None:
        blocks.append(Paragraph((_measured(verdict),)))
        blocks += [Paragraph(text) for text in _remarks(verdict)]
    weighed = [one for one in judgement.findings if one.weighing is not None]
    if weighed:
        blocks.append(Table(_HEADER, tuple(_row(one, one.weighing) for one in weighed if one.weighing is not None)))
    for one in judgement.findings:
        if one.tolerance:
            title = f" a difference in {one.channel.title}, which the policy accepts whatever the noise: "
            blocks.append(Paragraph((Strong(("By tolerance:",)), title, Code(one.tolerance), ".")))
    return blocks


def _measured(verdict: NoiseVerdict) -> str:
    return (
        f"The reference was run {count(verdict.runs, 'more time')} with every parameter moved by about one unit in its "
        "last place before the first forward. The largest distance so far between these runs and the reference is the "
        f"noise floor, for each series and update; a difference of up to {FACTOR:g} times the floor counts as noise. "
        "Distances are relative to the reference, those of tensors estimated from sketches. Harmless changes measured "
        "up to 2 times the floor in float32, the smallest defects 20 times and more."
    )


def _remarks(verdict: NoiseVerdict) -> list[Text]:
    found: list[Text] = []
    if verdict.regrouped:
        found.append(("Both programs train on the same samples in every update, in other micro-batches or order.",))
    if verdict.coarse is not None:
        weighing = verdict.weighings[verdict.coarse]
        found.append(
            (
                Strong(("More than rounding:",)),
                f" the sides part in phase {verdict.coarse.phase.name.lower()}, and all that goes into it is equal. ",
                f"In one step from equal inputs {verdict.coarse.channel.title}",
                *named(verdict.coarse.channel, verdict.coarse.name),
                f" differs by {weighing.first:.2e}; rounding explains {ROUNDING:.1e} at most, whatever the noise is.",
            )
        )
    if verdict.leaves is not None:
        measurement, weighing = verdict.leaves
        found.append(
            (
                "The noise is left first by ",
                Code(measurement.channel.name),
                *named(measurement.channel, measurement.name),
                f", {moment(weighing.leaves or 0, measurement.phase)}.",
            )
        )
    unknown = sum(weighing.unknown for weighing in verdict.weighings.values())
    if unknown:
        found.append((f"Of {count(unknown, 'differing value')} it is not known how far apart they are: not sketched.",))
    if verdict.blurred:
        found.append(
            (
                Strong(("Coarse noise:",)),
                f" the gradients of the reference itself move by {verdict.blurred:.1e}, and a small defect cannot be ",
                "told from rounding. Compare in float32 as well: ",
                Code("--replay fp32"),
                ".",
            )
        )
    return found


def _row(finding: Finding, weighing: Weighing) -> tuple[Text, ...]:
    names: Text = listed(finding.names) if finding.names != ("",) else ("only series",)
    return (
        (f"{finding.channel.title} (", Code(finding.channel.name), ")"),
        names,
        (word(finding.verdict),),
        (Code(f"{weighing.distance:.3e}"),),
        (Code(f"{weighing.floor:.3e}"),),
        (Code(f"{weighing.ratio:.3g}"),),
        (moment(weighing.update, finding.phase),),
    )
