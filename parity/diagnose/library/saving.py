"""Causes in what is saved: a checkpoint that is not written, or one that lacks a part of the state."""

from typing import Final

from parity.compare.measurement import Difference
from parity.compare.resume import last_checkpoint, part_of
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule

_SEPARATOR: Final = "::"
_CONTENT: Final = ("checkpoint_kind", "checkpoint_tensor", "checkpoint_value")
_MOVED: Final = "checkpoint_moved"
_COUNTER: Final = "counter"
_CONFIG: Final = "config"
_DESCRIBED: Final = ("checkpoint_kind", "checkpoint_value")


@rule(
    "last-checkpoint-missing",
    needs=("checkpoint_file",),
    predicts="that this file is missing, with all that it holds",
    advice="Save once more when the loop ends, whatever the interval says.",
)
def last_checkpoint_missing(case: Case) -> Cause | None:
    """The candidate writes all checkpoints but the last."""
    ours, theirs = last_checkpoint(case.reference), last_checkpoint(case.candidate)
    lost = measurements(case, "checkpoint_file", differences={Difference.MISSING})
    if not lost or ours is None or theirs is None or theirs >= ours or min(one.update for one in lost) != ours:
        return None
    since = min(one.moment for one in lost)
    return Cause(
        id="last-checkpoint-missing",
        title=f"The candidate's last checkpoint is {evidence.plural(ours - theirs, 'update')} older",
        explains=explained(
            case,
            expects("checkpoint_file", "checkpoint_moved", *_CONTENT, since=since, differences={Difference.MISSING}),
        ),
        evidence=(evidence.both("the last checkpoint is written after update", ours, theirs),),
        consequence="The end of the training is in no file.",
    )


@rule(
    "checkpoint-in-place",
    needs=(_MOVED,),
    predicts="that nothing is moved",
    advice="Write to another name in the same directory, and rename that file when it is complete.",
)
def checkpoint_in_place(case: Case) -> Cause | None:
    """The candidate writes checkpoints under their own names, where the reference moves them there once complete."""
    found = measurements(case, _MOVED, differences={Difference.MISSING})
    if not found or case.findings("checkpoint_file"):
        return None
    return Cause(
        id="checkpoint-in-place",
        title="The candidate writes its checkpoints in place, where the reference moves them there when complete",
        explains=explained(case, expects(_MOVED, differences={Difference.MISSING})),
        evidence=(
            evidence.line(min(found, key=lambda each: each.moment)),
            "both sides write as many checkpoints, after the same updates",
        ),
        consequence="A run that is killed while it writes leaves half a checkpoint in place of the one before, and "
        "nothing to resume from.",
    )


@rule(
    "checkpoint-state-missing",
    needs=("checkpoint_kind",),
    predicts="that these keys are missing",
    advice="Compare the dictionaries that are saved, key by key: parity checkpoint A B.",
)
def state_missing(case: Case) -> Cause | None:
    """A checkpoint that both sides write lacks keys in the candidate."""
    lost = measurements(case, "checkpoint_kind", differences={Difference.MISSING})
    gone = {one.name for one in measurements(case, "checkpoint_file", differences={Difference.MISSING})}
    lost = [one for one in lost if one.name.partition(_SEPARATOR)[0] not in gone]
    if not lost:
        return None
    parts = sorted({part_of(one.name.partition(_SEPARATOR)[2]) for one in lost})
    keys = list(dict.fromkeys(one.name.partition(_SEPARATOR)[2] for one in lost))
    return Cause(
        id="checkpoint-state-missing",
        title=f"The candidate's checkpoint lacks {evidence.plural(len(keys), 'key')}: {', '.join(parts)}",
        explains=explained(case, expects(*_CONTENT, differences={Difference.MISSING})),
        evidence=(f"missing: {evidence.listing(keys)}",),
        consequence="What is not saved starts over after a resume.",
    )


@rule(
    "checkpoint-counter-shifted",
    needs=("checkpoint_value",),
    predicts="values in checkpoints",
    advice="Compare whether the counter is saved before or after it is incremented.",
)
def counter_shifted(case: Case) -> Cause | None:
    """A counter is saved with another value, while the weights beside it are equal."""
    measured = first(case, "checkpoint_value", differences=VALUE)
    if measured is None or case.findings("checkpoint_tensor"):
        return None
    key = measured.name.partition(_SEPARATOR)[2]
    ours, theirs = (str(one).lstrip("-") for one in (measured.reference, measured.candidate))
    if part_of(key) != _COUNTER or not (ours.isdigit() and theirs.isdigit()):
        return None
    shift = int(str(measured.candidate)) - int(str(measured.reference))
    return Cause(
        id="checkpoint-counter-shifted",
        title=f"The candidate saves {key} {abs(shift)} too {'high' if shift > 0 else 'low'}",
        explains=explained(case, expects("checkpoint_value", differences=VALUE)),
        evidence=(evidence.line(measured), "all tensors in the checkpoint are equal"),
        consequence="A resumed run leaves out updates, or makes them twice.",
    )


@rule(
    "checkpoint-description-differs",
    needs=("checkpoint_value",),
    predicts="values and kinds that a checkpoint keeps of the configuration",
    advice="Save the description of the model as it is now, and compare how options given as None are treated.",
)
def description_differs(case: Case) -> Cause | None:
    """A checkpoint describes the model or the run otherwise, while the parameters and all tensors beside it agree."""
    measured = first(case, *_DESCRIBED)
    if measured is None or case.findings("checkpoint_tensor", "parameter_kind"):
        return None
    if part_of(measured.name.partition(_SEPARATOR)[2]) != _CONFIG:
        return None
    return Cause(
        id="checkpoint-description-differs",
        title="The candidate's checkpoint holds the same weights under another description",
        explains=explained(case, expects(*_DESCRIBED)),
        evidence=(evidence.line(measured), "all parameters, and all tensors in the checkpoint, are equal"),
        consequence="Whoever builds the model from the description gets another one.",
    )
