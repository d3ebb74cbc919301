"""Causes in what a program changes while it trains: its network, its optimizer, the size of its updates."""

from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import START, at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_NETWORK: Final = ("parameter_kind", "parameter_initial", "tied_storage")
_STATE: Final = "optimizer_state_initial"
_FURTHER: Final = "#"
"""In the names of what belongs to a further model, beside the one that is trained first."""
_STORED: Final = ("checkpoint_kind", "checkpoint_tensor", "checkpoint_value")
_FOLLOWS: Final = (
    *_NETWORK,
    *(
        _STATE,
        "optimizer_state",
        "optimizer_group",
        "gradient",
        "parameter",
        "parameter_after",
        "stale_gradients",
        "log_line",
    ),
    *_STORED,
)


@rule(
    "network-rebuilt-otherwise",
    needs=("parameter_initial",),
    predicts="all that belongs to these parameters, and every number from then on",
    advice="Compare what replaces parameters while the training goes on, and the random numbers that it draws.",
)
def network_rebuilt_otherwise(case: Case) -> Cause | None:
    """Parameters that first appear while the training goes on are others, or hold something else."""
    found = [one for one in measurements(case, *_NETWORK) if one.update >= 0]
    if not found or len(found) < len(measurements(case, *_NETWORK)) or case.findings("exit_status"):
        return None
    if any(_FURTHER in each.name for each in found):  # a copy, an average, that is first called while training goes on
        return None
    one = min(found, key=lambda each: each.moment)
    # What replaces parameters may first write to those that stay.
    written = [each.moment for each in measurements(case, "parameter_after") if each.update == one.update - 1]
    since = min([_before(one), *written])
    if _is_consequence(case, since):
        return None
    names = list(dict.fromkeys(each.name for each in found if each.update == one.update))
    return Cause(
        id="network-rebuilt-otherwise",
        title=f"Before update {one.update} the candidate makes {evidence.plural(len(names), 'parameter')} otherwise",
        explains=explained(case, expects(*_FOLLOWS, since=since), since=since),
        evidence=(evidence.line(one), f"concerned: {evidence.listing(names)}"),
        consequence="From there on the two programs train different models.",
    )


@rule(
    "optimizer-state-not-carried",
    needs=(_STATE,),
    predicts="the states of these parameters, and every number from the update on",
    advice="Hand the state over by the names of the parameters when the optimizer is built anew.",
)
def optimizer_state_not_carried(case: Case) -> Cause | None:
    """An optimizer that is built while the training goes on begins with the state of other parameters."""
    found = [one for one in measurements(case, _STATE) if one.update > 0]
    if not found or len(found) < len(measurements(case, _STATE)) or case.findings(*_NETWORK):
        return None
    one = min(found, key=lambda each: each.moment)
    since = _before(one)
    if _is_consequence(case, since):
        return None
    lacking = one.difference is Difference.MISSING
    names = list(dict.fromkeys(_parameter(each) for each in found if each.update == one.update))
    return Cause(
        id="optimizer-state-not-carried",
        title=(
            f"The optimizer that the candidate builds before update {one.update} "
            f"{'lacks' if lacking else 'has other'} state of {evidence.plural(len(names), 'parameter')}"
        ),
        explains=explained(case, expects(*_FOLLOWS, since=since), since=since),
        evidence=(evidence.line(one), f"concerned: {evidence.listing(names)}"),
        consequence="Moments begin anew, and the updates that follow are too large or too small.",
    )


@rule(
    "accumulation-changed-midway",
    needs=("micro_steps",),
    predicts="everything from that update on",
    advice="Compare what sets the number of accumulation steps while the training goes on, and when.",
)
def accumulation_changed_midway(case: Case) -> Cause | None:
    """From some update on, an update is made of another number of micro-batches, as one side alone has decided."""
    pair = case.pair("micro_steps")
    one = first(case, "micro_steps", differences={Difference.VALUE})
    if pair is None or one is None or one.update <= 0:
        return None
    ours, theirs = (series.values.tolist() for series in pair)
    k = one.update
    if max(k + 1, 2) >= min(len(ours), len(theirs)):
        return None
    # A single update that is shorter is the end of an epoch.
    if any(side[k] != side[k + 1] for side in (ours, theirs)) or ours[k - 1] != theirs[k - 1]:
        return None
    start = at(k - 1, Phase.EVAL)
    return Cause(
        id="accumulation-changed-midway",
        title=f"From update {k} on the candidate accumulates over {theirs[k]} micro-steps, not over {ours[k]}",
        explains=explained(case, lambda each: each.moment >= start, since=start),
        evidence=(
            evidence.both(f"micro-steps, update {k - 1}", ours[k - 1], theirs[k - 1]),
            evidence.both(f"micro-steps, update {k}", ours[k], theirs[k]),
        ),
        consequence="Updates see another amount of data from there on, with the same learning rate.",
    )


def _before(one: Measurement) -> Place:
    """The gap before the update: what is built there may be evaluated, saved and printed there."""
    return at(one.update - 1, Phase.EVAL)


def _is_consequence(case: Case, since: Place) -> bool:
    """Whether numbers differ before ``since``: what a network or a state holds then follows from that."""
    return any(finding.first.moment < since for finding in case.downstream(START))


def _parameter(one: Measurement) -> str:
    return one.name.rpartition("/")[0]
