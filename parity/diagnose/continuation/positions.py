"""Where a resumed run stands: in its schedule, its loss scale, its data, its random numbers, its count of updates."""

from collections.abc import Sequence
from typing import Any, Final

from parity.compare.measurement import Difference
from parity.diagnose.continuation.case import ContinuationCase, line
from parity.diagnose.continuation.case import both as both_runs
from parity.diagnose.library import evidence
from parity.diagnose.library.curve import curve, same
from parity.diagnose.library.reach import START, VALUE, Prediction, at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, Declaration, rule, rule_of
from parity.trace.channels import Phase
from parity.trace.model import Series

_SCHEDULE: Final = "Save the schedule's state, or the counter that it follows, and set it before the first update."
_DATA: Final = "Save the position in the data (sampler, epoch, generator), and skip to it without drawing twice."
_LENGTH: Final = "Compare the counter that the loop runs from with the checkpoint's, and its unit (epoch, update)."
_FEWEST: Final = 2
_NEAR: Final = 3
_ENDS: Final = ("updates", "exit_status", "exception")
_NUMBERED: Final = ("checkpoint_file", "checkpoint_kind", "checkpoint_tensor", "checkpoint_value", "checkpoint_moved")
"""What is written at other times, and under other names, once the counter is another one."""


@rule(
    "resume-failed",
    needs=("exit_status",),
    predicts="everything",
    advice="Read the traceback of the resumed run.",
)
def resumed_failed(case: ContinuationCase) -> Cause | None:
    """The resumed run ends with an error, and the straight one does not."""
    if not case.parts.resumed.exit_status or case.parts.straight.exit_status:
        return None
    words = str(case.parts.resumed.manifest.get("last_error_line") or "it said nothing on its error stream")
    damaged = (f"{case.parts.damaged} was damaged before",) if case.parts.damaged else ()
    return Cause(
        id="resume-failed",
        title="The program cannot resume",
        explains=tuple(finding.id for finding in case.case.judgement.gating),
        evidence=(words, *damaged, case.saved),
        consequence="What was saved is lost: the training starts over, or not at all.",
        advice="Fall back to the checkpoint before the newest when the newest cannot be read." if damaged else "",
    )


@rule_of(
    Declaration(
        id="resume-schedule-restarted",
        what="The learning rates of the resumed run are those of the beginning.",
        needs=("lr",),
        predicts="learning rates, steps of a scheduler, groups, and every number from there on",
        advice=_SCHEDULE,
    ),
    Declaration(
        id="resume-step-shifted",
        what="The learning rates of the resumed run are those of a few updates earlier or later.",
        needs=("lr",),
        predicts="learning rates, steps of a scheduler, groups, and every number from there on",
        advice=_SCHEDULE,
    ),
    Declaration(
        id="resume-schedule-elsewhere",
        what="The learning rates of the resumed run are those of another part of the straight one.",
        needs=("lr",),
        predicts="learning rates, steps of a scheduler, groups, and every number from there on",
        advice=_SCHEDULE,
    ),
)
def schedule_elsewhere(case: ContinuationCase) -> Cause | None:
    """The learning rates of the resumed run are those of another part of the straight one."""
    measured = first(case.case, "lr", differences=VALUE)
    both = case.both("lr", measured.name) if measured is not None else None
    if both is None or measured is None:
        return None
    ours, theirs = curve(both[0]), curve(both[1])
    place = _place(ours, theirs, case.start.update)
    if place is None:
        return None
    shift = place - case.start.update
    if shift == 0:  # only the first learning rates differ: the schedule stands where it should
        return None
    identifier, title = "resume-schedule-elsewhere", f"The schedule goes on at update {place}"
    if place == 0:
        identifier, title = "resume-schedule-restarted", "The schedule of the learning rate starts over"
    elif abs(shift) <= _NEAR:
        many = evidence.plural(abs(shift), "update")
        identifier, title = "resume-step-shifted", f"The schedule is {many} {'ahead' if shift > 0 else 'behind'}"
    lines = tuple(
        both_runs(f"learning rate, update {case.start.update + step}", ours[case.start.update + step], theirs[step])
        for step in sorted(theirs)[:_FEWEST]
        if case.start.update + step in ours
    )
    return Cause(
        id=identifier,
        title=f"{title}, where the run stopped at update {case.start.update}",
        explains=explained(
            case.case,
            expects("lr", "scheduler_steps", "optimizer_group"),
            *(_displaced(case) if _missing(case) == shift else ()),
            since=measured.moment,
        ),
        evidence=(*lines, f"they are those of the straight run from update {place} on", case.lacks("scheduler")),
        consequence="The updates after a resume are made with the learning rates of another part of the training.",
    )


@rule(
    "resume-scaler-restarted",
    needs=("loss_scale",),
    predicts="loss scales, skipped updates, and every number from there on",
    advice="Save and load the state dict of the GradScaler.",
)
def scaler_restarted(case: ContinuationCase) -> Cause | None:
    """The loss scale is the initial one again."""
    measured = first(case.case, "loss_scale", differences=VALUE)
    both = case.both("loss_scale", measured.name) if measured is not None else None
    if both is None or measured is None or both[0].python(0) != measured.candidate:
        return None
    return Cause(
        id="resume-scaler-restarted",
        title="The loss scale starts over",
        explains=explained(
            case.case, expects("loss_scale", "step_skipped", since=measured.moment), since=measured.moment
        ),
        evidence=(line(measured), "the latter is the scale of the first update", case.lacks("scaler")),
        consequence="Gradients overflow or underflow until the scale has found its place again; updates are skipped.",
    )


@rule_of(
    Declaration(
        id="resume-data-restarted",
        what="The resumed run begins with the first batch again.",
        needs=("batch",),
        predicts="batches, evaluations that draw from the same generators, and every number from there on",
        advice=_DATA,
    ),
    Declaration(
        id="resume-data-repeated",
        what="The resumed run is served batches again that came before the stop.",
        needs=("batch",),
        predicts="batches, evaluations that draw from the same generators, and every number from there on",
        advice=_DATA,
    ),
    Declaration(
        id="resume-data-skipped",
        what="The resumed run leaves out batches.",
        needs=("batch",),
        predicts="batches, evaluations that draw from the same generators, and every number from there on",
        advice=_DATA,
    ),
)
def data_elsewhere(case: ContinuationCase) -> Cause | None:
    """The batches of the resumed run are those of another part of the straight one."""
    measured = first(case.case, "batch", differences=VALUE)
    both = case.both("batch", measured.name) if measured is not None else None
    if both is None or measured is None:
        return None
    ours, theirs = (series.values.tolist() for series in both)
    due = int((both[0].updates < case.start.update).sum())
    place, length = _run(ours, theirs)
    if length < min(_FEWEST, len(theirs)) or place == due:
        return None
    if place == 0:
        identifier, title = "resume-data-restarted", "The data starts over"
    elif place < due:
        identifier, title = "resume-data-repeated", f"{evidence.plural(due - place, 'batch')} are served again"
    else:
        identifier, title = "resume-data-skipped", f"{evidence.plural(place - due, 'batch')} are left out"
    title = title.replace("batchs", "batches")
    return Cause(
        id=identifier,
        title=f"{title} after a resume at update {case.start.update}",
        explains=_explains(case, expects("batch", "target", "batch_shape", differences=VALUE), "batch"),
        evidence=(
            f"the first {length} of {len(theirs)} batches are the straight run's from batch {place} on, {due} is next",
            case.saved,
        ),
        consequence="Some samples are trained on more often than others, and some never.",
    )


@rule(
    "resume-random-state-lost",
    needs=("rng",),
    predicts="generators, what is drawn from them, and every number from there on",
    advice="Save the state of every generator that the training draws from, and restore it last.",
)
def random_state_lost(case: ContinuationCase) -> Cause | None:
    """The generators stand elsewhere when the resumed run makes its first update."""
    moved = [one for one in measurements(case.case, "rng", differences=VALUE) if one.update == case.start.update]
    if not moved:
        return None
    names = list(dict.fromkeys(one.name for one in moved))
    initial = [name for name in names if _as_at_first(case, name)]
    lines = (f"as in the first update of the straight run: {', '.join(initial)}",) if initial else ()
    # Batches in the order of the straight run are displaced, not drawn otherwise.
    drawn = ("rng",) if data_elsewhere(case) is not None else ("rng", "batch", "target")
    return Cause(
        id="resume-random-state-lost",
        title=f"The random state is not restored: {', '.join(names)}",
        explains=_explains(case, expects(*drawn, differences=VALUE), "rng"),
        evidence=(line(moved[0]), *lines, case.lacks("rng")),
        consequence="Dropout, noise and whatever else is drawn differ from a run without a stop, or repeat.",
    )


def _missing(case: ContinuationCase) -> int:
    """How many updates fewer the resumed run makes, negative where it makes more."""
    if case.straight is None or case.resumed is None:
        return 0
    return case.straight.updates - case.start.update - case.resumed.updates


def _displaced(case: ContinuationCase) -> tuple[Prediction, ...]:
    """What follows from a counter that is ahead or behind: another end, and what happens every so many updates."""
    due = case.straight.updates if case.straight is not None else 0
    since = at(due - abs(_missing(case)) - 1, Phase.EVAL)
    return (
        expects(*_ENDS, *_NUMBERED),
        lambda one: one.difference is not Difference.VALUE and (one.moment >= since or one.phase is Phase.EVAL),
    )


@rule_of(
    Declaration(
        id="resume-too-few-updates",
        what="The resumed run ends before the straight one.",
        needs=("updates",),
        predicts="everything behind the end of the shorter run, and what is saved under another number",
        advice=_LENGTH,
    ),
    Declaration(
        id="resume-too-many-updates",
        what="The resumed run ends behind the straight one.",
        needs=("updates",),
        predicts="everything behind the end of the shorter run, and what is saved under another number",
        advice=_LENGTH,
    ),
)
def other_length(case: ContinuationCase) -> Cause | None:
    """The resumed run ends after another update than the straight one."""
    if case.straight is None or case.resumed is None or case.parts.resumed.exit_status:
        return None
    due, made = case.straight.updates, case.straight.updates - _missing(case)
    if due == made:
        return None
    fewer = made < due
    since = at(min(due, made) - 1, Phase.EVAL) if case.resumed.updates else START
    return Cause(
        id="resume-too-few-updates" if fewer else "resume-too-many-updates",
        title=f"The resumed run makes {evidence.plural(abs(due - made), 'update')} {'fewer' if fewer else 'more'}",
        explains=explained(case.case, lambda one: one.moment >= since, expects(*_ENDS, *_NUMBERED)),
        evidence=(
            evidence.plural(due, "update") + " without a stop",
            f"{case.start.update} before the stop and {case.resumed.updates} after it",
        ),
        consequence="A part of the training is left out, or made twice.",
    )


def _explains(case: ContinuationCase, prediction: Prediction, channel: str) -> tuple[str, ...]:
    """What follows once batches or generators differ; evaluations before the first update draw from the same."""
    moments = [one.moment for one in measurements(case.case, channel, "eval_batch", differences=VALUE)]
    return explained(case.case, prediction, expects("eval_batch", differences=VALUE), since=min(moments))


def _place(ours: dict[int, float], theirs: dict[int, float], start: int) -> int | None:
    """The update from which on one curve follows the other; the nearest to ``start`` of several.

    The first value may be the right one, loaded with the optimizer, before the schedule sets its own.
    """
    if len(set(theirs.values())) < _FEWEST:
        return None
    for skipped in range(_FEWEST):
        steps = sorted(theirs)[skipped:]
        found = [place for place in range(max(ours, default=-1) + 1) if _follows(ours, theirs, place, steps)]
        if found:
            return min(found, key=lambda place: abs(place - start))
    return None


def _follows(ours: dict[int, float], theirs: dict[int, float], place: int, steps: list[int]) -> bool:
    common = [step for step in steps if place + step in ours]
    return len(common) >= min(_FEWEST, len(steps)) and all(same(ours[place + step], theirs[step]) for step in common)


def _run(ours: Sequence[Any], theirs: Sequence[Any]) -> tuple[int, int]:
    """Where in ``ours`` the beginning of ``theirs`` stands at its longest, and how long it is."""
    best = 0, 0
    for place in range(len(ours)):
        length = 0
        while length < len(theirs) and place + length < len(ours) and ours[place + length] == theirs[length]:
            length += 1
        if length > best[1]:
            best = place, length
    return best


def _as_at_first(case: ContinuationCase, name: str) -> bool:
    both: tuple[Series, Series] | None = case.both("rng", name)
    return both is not None and bool(both[0].values[0] == both[1].values[0])
