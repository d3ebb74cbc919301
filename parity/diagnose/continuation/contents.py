"""What a resumed run finds: weights, buffers, and the state of its optimizer."""

from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.compare.resume import last_checkpoint
from parity.diagnose.continuation.case import ContinuationCase, both, line
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, expects, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Value, plain

_STATE: Final = "optimizer_state_initial"
_EMA: Final = "ema"


@rule(
    "resume-started-over",
    needs=("parameter_initial", "lr", "updates"),
    predicts="everything",
    advice="Look for what tells a run to resume, an option, a marker or a newest checkpoint, and whether it is written "
    "and read.",
)
def started_over(case: ContinuationCase) -> Cause | None:
    """The resumed run begins with the weights and the learning rate of the straight one, and makes as many updates."""
    if case.straight is None or case.resumed is None or case.straight.updates != case.resumed.updates:
        return None
    rates = case.both("lr", next((one.name for one in case.straight.channel("lr")), ""))
    names = [one.name for one in case.straight.channel("parameter_initial")]
    pairs = [case.both("parameter_initial", name) for name in names]
    if rates is None or not pairs or not len(rates[0]) or not len(rates[1]):
        return None
    same = all(pair is not None and pair[0].python(0) == pair[1].python(0) for pair in (*pairs, rates))
    if not same or not measurements(case.case, "parameter_initial", differences=VALUE):
        return None
    return Cause(
        id="resume-started-over",
        title="The run starts over where it should resume",
        explains=tuple(finding.id for finding in case.case.judgement.gating),
        evidence=(
            f"all {len(names)} parameters begin as in the straight run, and so does the learning rate",
            both("updates made", case.straight.updates, case.resumed.updates),
            case.saved,
        ),
        consequence="All work before the stop is lost, and the checkpoint of it is written over.",
    )


@rule(
    "resume-weights-not-loaded",
    needs=("parameter_initial",),
    predicts="initial weights, and every number from there on",
    advice="Compare the prefixes of names (module., _orig_mod.) when saving and loading, and load with strict=True.",
)
def weights_not_loaded(case: ContinuationCase) -> Cause | None:
    """Weights that the resumed run begins with are those of a run from scratch."""
    found = measurements(case.case, "parameter_initial", differences=VALUE)
    fresh = {one.name for one in found if one.candidate == _initial(case, "parameter_initial", one.name)}
    if not fresh or 2 * len(fresh) < len(found):
        return None
    total = len(case.case.pairs("parameter_initial"))
    return _cause(
        case,
        "resume-weights-not-loaded",
        f"{len(fresh)} of {evidence.plural(total, 'parameter')} are not loaded, and begin as in a run from scratch",
        found,
        (f"as initialised: {evidence.listing(sorted(fresh))}", case.saved),
        "The resumed run trains other weights than the ones it saved, and nothing says so.",
    )


@rule(
    "resume-averaged-weights-loaded",
    needs=("parameter_initial", "checkpoint_tensor"),
    predicts="initial weights, and every number from there on",
    advice="Load the raw weights into the model that trains, and the averages into the one that averages.",
)
def averaged_weights_loaded(case: ContinuationCase) -> Cause | None:
    """The weights that the resumed run begins with are the checkpoint's averages."""
    found = measurements(case.case, "parameter_initial", differences=VALUE)
    averages = _contents(case)
    taken = [(one, key) for one in found if (key := averages.get(one.candidate)) is not None]
    if not taken or 2 * len(taken) < len(found):
        return None
    one, key = taken[0]
    return _cause(
        case,
        "resume-averaged-weights-loaded",
        f"{evidence.plural(len(taken), 'parameter')} begin as the average of the weights that the checkpoint holds",
        found,
        (f"{one.name} is the checkpoint's {key} bit for bit", case.saved),
        "Training goes on from averaged weights, while the optimizer's state belongs to the raw ones.",
    )


@rule(
    "resume-buffers-not-loaded",
    needs=("buffer_initial",),
    predicts="initial buffers, and every number from there on",
    advice="Save and load the module's whole state dict; named_parameters() holds no buffers.",
)
def buffers_not_loaded(case: ContinuationCase) -> Cause | None:
    """Buffers begin otherwise, while the weights are those of the checkpoint."""
    found = measurements(case.case, "buffer_initial", differences=VALUE)
    if not found or case.case.findings("parameter_initial"):
        return None
    fresh = [one.name for one in found if one.candidate == _initial(case, "buffer_initial", one.name)]
    state = "as in a run from scratch" if len(fresh) == len(found) else "as neither run left them"
    return _cause(
        case,
        "resume-buffers-not-loaded",
        f"All parameters are loaded, {evidence.plural(len(found), 'buffer')} of the model not",
        found,
        (f"{state}: {evidence.listing([one.name for one in found])}", case.saved),
        "Running statistics and counters start over: normalisation differs, in training or in evaluation.",
    )


@rule(
    "resume-optimizer-state-missing",
    needs=("optimizer_state_initial",),
    predicts="the state that the optimizer begins with, and every number from there on",
    advice="Save the optimizer's state dict and load it after the parameters are in their groups.",
)
def optimizer_state_missing(case: ContinuationCase) -> Cause | None:
    """The optimizer has no state before its first step, or lacks a part of it."""
    found = measurements(case.case, _STATE, differences={Difference.MISSING})
    if not found:
        return None
    kinds = sorted({one.name.rpartition("/")[2] for one in found})
    whole = len(found) == len(case.case.pairs(_STATE)) + len(found)
    return _cause(
        case,
        "resume-optimizer-state-missing",
        "The optimizer begins without its state"
        if whole
        else f"The optimizer lacks {evidence.plural(len(found), 'state')}",
        found,
        (f"missing before the first step: {evidence.listing(kinds)}", case.lacks("optimizer")),
        "Moments and step counts start over: the first updates after a resume are too large, and in other directions.",
    )


@rule(
    "resume-optimizer-state-exchanged",
    needs=("optimizer_state_initial",),
    predicts="the state that the optimizer begins with, and every number from there on",
    advice="State dicts map state by position: keep the order of parameters and groups, or map by name.",
)
def optimizer_state_exchanged(case: ContinuationCase) -> Cause | None:
    """State of the optimizer that belongs to another parameter."""
    found = measurements(case.case, _STATE, differences=VALUE)
    owners: dict[tuple[str, Value | None], str] = {}
    for series, _ in case.case.pairs(_STATE):
        owners.setdefault((_kind(series.name), series.python(0)), series.name)
    swapped = [(one, owner) for one in found if (owner := owners.get((_kind(one.name), one.candidate)))]
    swapped = [(one, owner) for one, owner in swapped if owner != one.name]
    if not swapped or 2 * len(swapped) < len(found):
        return None
    one, owner = swapped[0]
    return _cause(
        case,
        "resume-optimizer-state-exchanged",
        f"{evidence.plural(len(swapped), 'state')} of the optimizer went to other parameters",
        found,
        (f"what {one.name} begins with is what {owner} had",),
        "Parameters of equal shape are updated with the moments of each other: nothing fails, and nothing is right.",
    )


@rule(
    "resume-optimizer-state-differs",
    needs=("optimizer_state_initial",),
    predicts="the state that the optimizer begins with, and every number from there on",
    advice="Compare what is written into the optimizer's state after loading it, and when it was saved.",
)
def optimizer_state_differs(case: ContinuationCase) -> Cause | None:
    """State of the optimizer that begins with other values than the checkpoint's run left."""
    found = measurements(case.case, _STATE, differences=VALUE)
    if not found:
        return None
    return _cause(
        case,
        "resume-optimizer-state-differs",
        f"{evidence.plural(len(found), 'state')} of the optimizer begin with other values",
        found,
        tuple(line(one) for one in found[:3]),
        "The first updates after a resume are made with other moments than without a stop.",
    )


def _cause(
    case: ContinuationCase,
    identifier: str,
    title: str,
    found: list[Measurement],
    lines: tuple[str, ...],
    consequence: str,
) -> Cause:
    since = min(one.moment for one in found)
    channels = {one.channel.name for one in found}
    return Cause(
        id=identifier,
        title=title,
        explains=explained(case.case, expects(*channels, since=since), since=since),
        evidence=lines,
        consequence=consequence,
    )


def _initial(case: ContinuationCase, channel: str, name: str) -> Value | None:
    series = case.straight.get(channel, name) if case.straight is not None else None
    return series.python(0) if series is not None and len(series) else None


def _kind(name: str) -> str:
    return name.rpartition("/")[2]


def _contents(case: ContinuationCase) -> dict[Value | None, str]:
    """Digest and key of every average in the last checkpoint."""
    first = next(iter(case.parts.first.processes), None)
    last = last_checkpoint(case.parts.first)
    found: dict[Value | None, str] = {}
    if first is None or last is None:
        return found
    for one in first.channel("checkpoint_tensor"):
        key = one.name.partition("::")[2]
        values = one.at(last)
        if len(values) and any(word in key.lower() for word in (_EMA, "average", "shadow")):
            found[plain(one.channel.kind, values[-1])] = key
    return found
