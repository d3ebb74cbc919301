"""Boxes that only evidence can tick, and the conditions under which a pair was run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from parity.diagnose.outcome import Outcome
from parity.findings.model import Verdict
from parity.report.document import Block, Bullets, Code, Paragraph, Section, Strong, Table, Text
from parity.report.facts import overall, totals, verdict
from parity.report.genres.behaviours import Behaviour, Standing
from parity.report.subject import Subject
from parity.report.wording import capitalised, count, listed, word
from parity.trace.model import Trace

_SHOWN: Final = frozenset({Verdict.IDENTICAL, Verdict.EQUIVALENT})
_FLOAT32: Final = frozenset({"float32", "torch.float32"})
_MOST_SCENARIOS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Check:
    """One claim: whether evidence proves it, and the words that say so, verdict first."""

    done: bool
    text: Text


def checklist(checks: Iterable[Check]) -> Block:
    """The claims as a list with boxes."""
    listed_ = tuple(checks)
    if not listed_:
        return Paragraph(("Nothing to check: no scenario led to a comparison.",))
    return Bullets(tuple(one.text for one in listed_), ticked=tuple(one.done for one in listed_))


def percent(part: int, whole: int) -> str:
    """A share that says 100 % only of all, and 0 % only of none."""
    if not whole:
        return "nothing to count"
    rounded = round(100 * part / whole)
    return f"{rounded if part in (0, whole) else min(max(rounded, 1), 99)} %"


def of_behaviour(one: Behaviour) -> Check:
    """The claim that the candidate does as the reference does."""
    title = f" {one.channel.title} ("
    return Check(
        done=one.standing is Standing.PROVED,
        text=(Strong((f"{capitalised(one.standing)}:",)), title, Code(one.channel.name), ")", *_evidence(one)),
    )


def _evidence(one: Behaviour) -> Text:
    if one.standing is Standing.UNSEEN:
        return (", in no scenario.",)
    equal = sum(sight.equal for sight in one.sights)
    where: Text = (" in ", *listed([sight.scenario for sight in one.sights], _MOST_SCENARIOS))
    numbers = f"{equal:,} of {count(one.values, 'value')} equal bit for bit" if one.values else ""
    rest = f"; not compared: {'; '.join(one.reasons)}" if one.reasons else ""
    if not any(one.names):
        return f", {numbers}" if numbers else "", *where, f"{rest}."
    # What is missing was not compared; the numbers are about the rest.
    rest = f"{f'; of what both have, {numbers}' if numbers else ''}{rest}"
    return ": ", *listed(one.names), *where, f"{rest}."


def conditions(subjects: Sequence[Subject]) -> Section:
    """Which conditions the scenarios exercise, and what came of it; one that none exercises is said to be so."""
    header: tuple[Text, ...] = (("Condition",), ("Exercised in",), ("Verdict",))
    judged = [(subject, outcome) for subject in subjects for outcome in subject.outcomes if outcome.judgement]
    several = len(subjects) > 1
    rows = []
    for title, shows in _CONDITIONS:
        showing = [(subject, outcome) for subject, outcome in judged if shows(outcome)]
        names = [f"{subject.pair}/{one.scenario}" if several else one.scenario for subject, one in showing]
        shown = overall(verdict(one) for _, one in showing)
        said: Text = (word(shown) if shown in _SHOWN else Strong((word(shown),)),)
        where = listed(names, _MOST_SCENARIOS) if names else ("no scenario",)
        rows.append(((title,), where, said if showing else ("not exercised",)))
    return Section(("Conditions exercised",), (Table(header, tuple(rows)),))


def scenarios(subject: Subject) -> tuple[Check, ...]:
    """Every scenario that was run or planned, as a claim."""
    ran = [_ran(outcome) for outcome in subject.outcomes]
    names = {outcome.scenario for outcome in subject.outcomes}
    left = [one for one in subject.planned if one.name not in names]
    return (
        *ran,
        *(
            Check(
                done=False,
                text=(Strong(("Not run:",)), " scenario ", *listed([one.name]), f", of tier {one.tier} in the policy."),
            )
            for one in left
        ),
    )


def _ran(outcome: Outcome) -> Check:
    shown = verdict(outcome)
    total = totals(outcome)
    numbers = f"{count(total.updates, 'update')}, {total.equal:,} of {count(total.values, 'value')} equal bit for bit"
    if outcome.error is not None:
        numbers = f"error {outcome.error.slug}"
    text: Text = (Strong((f"{capitalised(word(shown))}:",)), " scenario ", *listed([outcome.scenario]), f", {numbers}.")
    return Check(done=shown in _SHOWN, text=text)


def _witness(outcome: Outcome) -> Trace:
    assert outcome.judgement is not None
    return outcome.judgement.comparison.reference


def _observes(*channels: str) -> Callable[[Outcome], bool]:
    def shows(outcome: Outcome) -> bool:
        return any(
            len(series)
            for process in _witness(outcome).processes
            for name in channels
            for series in process.channel(name)
        )

    return shows


def _values(outcome: Outcome, channel: str) -> set[str]:
    return {
        str(one)
        for process in _witness(outcome).processes
        for series in process.channel(channel)
        for one in series.values
    }


_CONDITIONS: Final[tuple[tuple[str, Callable[[Outcome], bool]], ...]] = (
    ("One process", lambda outcome: _witness(outcome).world == 1),
    ("Several ranks", lambda outcome: _witness(outcome).world > 1),
    ("Gradient accumulation", lambda outcome: bool(_values(outcome, "micro_steps") - {"0", "1"})),
    ("Gradient clipping", _observes("clip_calls", "clip_limit")),
    ("Loss scaling", _observes("loss_scale")),
    ("A loss in lower precision than float32", lambda outcome: bool(_values(outcome, "loss_dtype") - _FLOAT32)),
    ("Evaluation during training", _observes("eval_forwards", "eval_mode")),
    ("Writing checkpoints", _observes("checkpoint_file")),
    ("Resuming from a checkpoint", lambda one: one.resumption is not None or _observes("weights_loaded")(one)),
    ("Handling signals", _observes("signal_handler")),
    ("Experiment trackers", _observes("tracker", "metric")),
)
