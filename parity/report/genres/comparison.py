"""The comparison summary: script by script what is identical and what has changed, and how to get the same training."""

from collections.abc import Iterator, Sequence
from typing import Final

from parity.findings.model import Verdict
from parity.report.document import Block, Bullets, Code, Document, Excerpt, Paragraph, Section, Strong, Table, Text
from parity.report.facts import overall, totals, verdict
from parity.report.genres.arguments import Argument, told_apart, untried
from parity.report.genres.behaviours import Behaviour, Standing, behaviours, gravest, of_channels
from parity.report.genres.checks import Check, checklist, conditions, of_behaviour, scenarios
from parity.report.genres.impact import impact
from parity.report.genres.offers import definitions, features, flags
from parity.report.genres.parameters import Parameter, parameters, table
from parity.report.genres.tables import definition_table, feature_table, flag_table, unread
from parity.report.genres.titles import pairs
from parity.report.sections.accepted import only_change
from parity.report.subject import Subject, all_outcomes
from parity.report.wording import capitalised, count, quoted, word
from parity.trace.channels import Phase

_ASPECTS: Final[tuple[tuple[str, frozenset[Phase]], ...]] = (
    ("Data", frozenset({Phase.DATA})),
    ("Loss function", frozenset({Phase.FORWARD, Phase.LOSS})),
    ("Core training", frozenset({Phase.BACKWARD, Phase.CLIP, Phase.UPDATE, Phase.STATE})),
    ("Learning rate", frozenset({Phase.LR})),
    ("Evaluation", frozenset({Phase.EVAL})),
    ("Checkpoints", frozenset({Phase.CHECKPOINT})),
    ("Printed numbers", frozenset({Phase.LOG})),
)
_STEPS: Final = ("zero_grad", "stale_gradients", "clip_calls", "scheduler_steps", "scheduler_surplus", "micro_steps")
_TRAINING: Final = {
    Verdict.IDENTICAL: "the training is the same",
    Verdict.EQUIVALENT: "the training is the same",
    Verdict.WAIVED: "the training is the same but for what is accepted",
}


def comparison_summary(subjects: Sequence[Subject]) -> Document:
    """Put the summary of one or several pairs together."""
    parts = [
        _overview(subjects),
        *(_script(subject) for subject in subjects),
        conditions(subjects),
        Section(("Verification checklist",), _verification(subjects)),
        _reproduction(subjects),
        _conclusion(subjects),
    ]
    return Document(("Comparison summary: ", *pairs(subjects)), tuple(parts))


def aspect(known: Sequence[Behaviour], phases: frozenset[Phase]) -> Standing:
    """What is known about the behaviours of some phases that count."""
    return gravest(one for one in known if one.counts and one.channel.phase in phases)


def said(standing: Standing) -> str:
    """A standing as the word of a comparison."""
    words = {Standing.PROVED: "identical", Standing.PARTLY: "identical where compared"}
    return words.get(standing, str(standing))


def _overview(subjects: Sequence[Subject]) -> Section:
    rows = []
    for subject in subjects:
        known = behaviours(subject.outcomes)
        words = (said(aspect(known, phases)) for _, phases in _ASPECTS)
        cells: tuple[Text, ...] = tuple((one if one.startswith("identical") else Strong((one,)),) for one in words)
        entry = subject.reference.files[0] if subject.reference is not None else None
        rows.append((quoted(subject.programs[0]), (entry.purpose if entry is not None else "not read",), *cells))
    header: tuple[Text, ...] = (("Script",), ("Purpose, in its words",), *((name,) for name, _ in _ASPECTS))
    return Section(
        ("Scripts compared",),
        (Paragraph(_verdict(subjects)), *_only_changes(subjects), Table(header, tuple(rows))),
    )


def _only_changes(subjects: Sequence[Subject]) -> tuple[Block, ...]:
    """Where all that is accepted in a scenario is one change, that it is."""
    return tuple(Paragraph(one) for outcome in all_outcomes(subjects) if (one := only_change(outcome)))


def _verdict(subjects: Sequence[Subject]) -> Text:
    outcomes = all_outcomes(subjects)
    shown = overall(verdict(one) for one in outcomes)
    parts = [totals(one) for one in outcomes]
    values = count(sum(one.values for one in parts), "value")
    equal = sum(one.equal for one in parts)
    updates = count(sum(one.updates for one in parts), "update")
    opening = Strong((f"{capitalised(word(shown))}.",))
    rest = (
        f" {capitalised(count(len(outcomes), 'scenario'))} of {count(len(subjects), 'pair')}: {values} over {updates}"
    )
    return opening, f"{rest}, {equal:,} of them equal bit for bit."


def _script(subject: Subject) -> Section:
    offers = flags(subject)
    known = behaviours(subject.outcomes)
    parts = [
        _trained(subject),
        Section(("Options and their defaults",), unread(subject) or flag_table(offers)),
        _order(subject),
        _losses(subject),
        Section(("Features",), unread(subject) or feature_table(features(subject, known), subject.programs)),
        _reproduced(subject),
        impact(subject),
    ]
    return Section(("Pair ", Code(subject.pair)), (), tuple(parts))


def _trained(subject: Subject) -> Section:
    """What both sides really trained with, of the first scenario and of each in which anything else is used."""
    heading: Text = ("What both trained with",)
    blocks: list[Block] = []
    seen: set[object] = set()
    for scenario, comparison in subject.comparisons:
        rows = parameters(comparison)
        if rows not in seen:
            seen.add(rows)
            blocks += [Paragraph(("Scenario ", Code(scenario), ", as recorded:")), table(comparison)]
    return Section(heading, tuple(blocks) or (Paragraph(("Not known: no scenario led to a comparison.",)),))


def _order(subject: Subject) -> Section:
    """The order in the source, where a loop was recognised, and what the runs show of the steps."""
    shown = of_channels(behaviours(subject.outcomes), _STEPS)
    seen = [one for one in shown if one.standing is not Standing.UNSEEN]
    blocks = list(_source_order(subject))
    blocks.append(Paragraph(("What the runs show of these steps:",)))
    blocks.append(checklist(of_behaviour(one) for one in seen))
    return Section(("Order of steps in the training loop",), tuple(blocks))


def _source_order(subject: Subject) -> Iterator[Block]:
    if subject.reference is None or subject.candidate is None:
        yield from unread(subject)
        return
    sides = [list(dict.fromkeys(step.name for step in one.steps)) for one in (subject.reference, subject.candidate)]
    for side, steps in zip(("reference", "candidate"), sides, strict=True):
        if not steps:
            yield Paragraph((f"Not compared in the source: no training loop was recognised in that of the {side}.",))
    common = [name for name in sides[0] if name in sides[1]]
    shared = [name for name in sides[1] if name in sides[0]]
    if all(sides):
        told = "Identical" if common == shared else "Different"
        yield Paragraph((Strong((told,)), f" in the source, of {count(len(common), 'step')} that both loops make."))
    for side, steps in zip(("Reference", "Candidate"), sides, strict=True):
        if steps:
            yield Paragraph((f"{side}, in this order:",))
            yield Bullets(tuple((Code(step),) for step in steps), numbered=True)


def _losses(subject: Subject) -> Section:
    """Functions and classes whose name or file says that they are about a loss."""
    heading: Text = ("Definitions of losses",)
    if subject.unread:
        return Section(heading, unread(subject))
    about = [
        one
        for one in definitions(subject)
        if "loss" in f"{one.name} {one.reference_place or ''} {one.candidate_place or ''}".lower()
    ]
    ours = [one for one in about if one.reference_place is not None]
    added = len(about) - len(ours)
    more = f"The candidate adds {count(added, 'definition')} of this kind." if added else ""
    if not ours:
        lead = f"The reference defines none: what it uses comes from a library. {more}"
        return Section(heading, (Paragraph((lead,)),))
    lead = f"A body that is the same has the same statements, read from the source, names and layout aside. {more}"
    return Section(heading, (Paragraph((lead,)), *definition_table(ours)))


def _reproduced(subject: Subject) -> Section:
    """The arguments by which the candidate is made to train as the reference does."""
    heading: Text = ("How the original behaviour is reproduced",)
    if not subject.comparisons:
        return Section(heading, (Paragraph(("Not known: no scenario led to a comparison.",)),))
    apart = told_apart(subject)
    if not apart:
        return Section(heading, (Paragraph(("Both sides were given the same options.",)),))
    lead = "All that is said here holds for the options that the runs were given. One side alone was given:"
    items: tuple[Text, ...] = tuple((f"{capitalised(one.side)}: ", Code(one.words), *_otherwise(one)) for one in apart)
    return Section(heading, (Paragraph((lead,)), Bullets(items)))


def _otherwise(one: Argument) -> Text:
    return (", in place of the default ", Code(one.default), ".") if one.default else (".",)


def _verification(subjects: Sequence[Subject]) -> tuple[Block, ...]:
    checks: list[Check] = []
    for subject in subjects:
        where = f" ({subject.pair})" if len(subjects) > 1 else ""
        known = behaviours(subject.outcomes)
        for name, phases in _ASPECTS:
            standing = aspect(known, phases)
            here = [one for one in known if one.counts and one.channel.phase in phases]
            values = count(sum(one.values for one in here), "value")
            told: Text = (Strong((f"{capitalised(said(standing))}:",)), f" {name.lower()}{where}, {values} compared.")
            checks.append(Check(done=standing is Standing.PROVED, text=told))
        for scenario, comparison in subject.comparisons[:1]:
            checks += [_of_parameter(one, f" in {scenario}{where}.") for one in parameters(comparison)]
        checks += [Check(done=False, text=(*one, where, ".")) for one in untried(subject)]
        checks += scenarios(subject)
    return (checklist(checks),)


def _of_parameter(one: Parameter, where: str) -> Check:
    equal = one.word == "identical"
    reference, candidate = one.sides
    shown: Text = reference if equal else (*reference, " / ", *candidate)
    return Check(done=equal, text=(Strong((f"{capitalised(one.word)}:",)), f" {one.title.lower()} ", *shown, where))


def _reproduction(subjects: Sequence[Subject]) -> Section:
    blocks: list[Block] = []
    for subject in subjects:
        if subject.planned:
            blocks.append(Excerpt(f"parity run {subject.pair}", language="bash"))
        for scenario, comparison in subject.comparisons[:1]:
            lead: Text = ("Commands of ", Code(subject.pair), ", scenario ", Code(scenario), ":")
            both = f"{comparison.reference.command}\n{comparison.candidate.command}"
            blocks += [Paragraph(lead), Excerpt(both, language="bash")]
    if not blocks:
        blocks = [Paragraph(("Nothing was run that could be repeated.",))]
    return Section(("Reproduction",), tuple(blocks))


def _conclusion(subjects: Sequence[Subject]) -> Section:
    items: list[Text] = []
    for subject in subjects:
        shown = overall(verdict(one) for one in subject.outcomes)
        gating = [one for one in subject.differences if one.gates]
        training = _TRAINING.get(shown, "parity of the training is not shown")
        apart = [Code(one.words) for one in told_apart(subject) if one.side == "candidate"]
        given: Text = (" with ", *_row(apart)) if apart and shown in _TRAINING and shown is not Verdict.WAIVED else ()
        options = f"{count(len(gating), 'option')} changed for everyone" if gating else "no option changed for everyone"
        options = f"options not compared: {subject.unread}" if subject.unread else options
        items.append((Code(subject.pair), ": ", Strong((word(shown),)), f"; {training}", *given, f"; {options}."))
    return Section(("Conclusion",), (Bullets(tuple(items)),))


def _row(parts: Sequence[Code]) -> Text:
    return tuple(one for part in parts for one in (" ", part))[1:]
