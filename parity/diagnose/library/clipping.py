"""Causes in gradient clipping: done on one side only, or to another limit."""

from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, at, expects, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.model import Process


@rule(
    "clip-missing",
    needs=("clip_calls",),
    predicts="calls, limits and norms of clipping, and every number from there on",
    advice="Look for clip_grad_norm_ between backward and step, and for the condition around it.",
)
def clip_missing(case: Case) -> Cause | None:
    """The reference clips gradients, the candidate never does."""
    return _one_sided(case, in_reference=True)


@rule(
    "clip-added",
    needs=("clip_calls",),
    predicts="calls, limits and norms of clipping, and every number from there on",
    advice="Look for clip_grad_norm_ between backward and step, and for the condition around it.",
)
def clip_added(case: Case) -> Cause | None:
    """The candidate clips gradients, the reference never does."""
    return _one_sided(case, in_reference=False)


@rule(
    "clip-limit",
    needs=("clip_limit",),
    predicts="limits, and every number from there on",
    advice="Compare where the limit is read from, and its default.",
)
def clip_limit(case: Case) -> Cause | None:
    """Both sides clip, to different limits."""
    one = first(case, "clip_limit", differences=VALUE)
    if one is None:
        return None
    return Cause(
        id="clip-limit",
        title=f"The candidate clips gradients to {one.candidate}, the reference to {one.reference}",
        explains=explained(case, expects("clip_limit", since=one.moment), since=one.moment),
        evidence=(evidence.line(one), f"{one.differing} of {one.compared} clips are concerned"),
        consequence="Updates whose gradients are larger than the smaller limit have another size.",
    )


def _one_sided(case: Case, *, in_reference: bool) -> Cause | None:
    if case.sides is None or not all(side.updates for side in case.sides):
        return None
    ours, theirs = (_calls(side) for side in case.sides)
    if bool(ours) == bool(theirs) or bool(ours) != in_reference:
        return None
    clipping = case.sides[0] if in_reference else case.sides[1]
    update = min(ours or theirs)
    start = at(update, Phase.CLIP)
    return Cause(
        id="clip-missing" if in_reference else "clip-added",
        title="The candidate never clips gradients" if in_reference else "The candidate clips gradients",
        explains=explained(case, expects("clip_calls", "clip_limit", "clip_norm", since=start), since=start),
        evidence=(
            evidence.both(f"calls that clip, {evidence.moment(update)}", ours.get(update, 0), theirs.get(update, 0)),
            evidence.both("updates with clipping", len(ours), len(theirs)),
            *_activity(clipping),
        ),
        consequence="Updates with a large gradient are not limited: training can diverge where the reference does not."
        if in_reference
        else "Updates with a large gradient are made smaller than the reference's.",
    )


def _calls(process: Process) -> dict[int, int]:
    """Number of clips in each update that has any."""
    series = process.get("clip_calls")
    pairs = zip(series.updates.tolist(), series.values.tolist(), strict=True) if series is not None else ()
    return {int(update): int(value) for update, value in pairs if value}


def _activity(process: Process) -> tuple[str, ...]:
    """Whether clipping made a difference: in how many updates the norm exceeded the limit."""
    norms, limits = process.get("clip_norm"), process.get("clip_limit")
    if norms is None or limits is None or len(norms) != len(limits):
        return ()
    exceeded = int((norms.values > limits.values).sum())
    first_norm = f"norm and limit of the first clip: {norms.python(0)} and {limits.python(0)}"
    return first_norm, f"the norm exceeds the limit in {exceeded} of {len(norms)} clips"
