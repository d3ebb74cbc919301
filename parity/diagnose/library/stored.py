"""Causes in what checkpoints hold while the training is the same: other names, other values."""

from typing import Final

from parity.compare.measurement import Difference
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import expects, explained, measurements
from parity.diagnose.registry import Cause, rule

_SEPARATOR: Final = "::"
_CONTENT: Final = ("checkpoint_kind", "checkpoint_tensor", "checkpoint_value")


@rule(
    "checkpoint-keys-renamed",
    needs=("checkpoint_kind",),
    predicts="keys that are missing, keys that are extra, and what they hold",
    advice="Compare from which module the state dict is taken, and what is merged or stripped before it is saved.",
)
def keys_renamed(case: Case) -> Cause | None:
    """A checkpoint that both sides write has keys on each side that the other one lacks."""
    lost, more = (_keys(case, difference) for difference in (Difference.MISSING, Difference.EXTRA))
    if not lost or not more:
        return None
    return Cause(
        id="checkpoint-keys-renamed",
        title=f"The candidate's checkpoint holds {evidence.plural(len(more), 'key')} under names of its own",
        explains=explained(case, expects(*_CONTENT)),
        evidence=(f"missing: {evidence.listing(lost)}", f"extra: {evidence.listing(more)}"),
        consequence="Neither program can resume from the other's checkpoint, and a lenient load leaves weights out.",
    )


@rule(
    "checkpoint-content",
    needs=("checkpoint_tensor", "checkpoint_value"),
    predicts="values in checkpoints",
    advice="Look at what is done to the state between the training and the file: merging, averaging, conversion.",
)
def content_differs(case: Case) -> Cause | None:
    """Checkpoints hold other values under the same names, and all else is the same."""
    found = case.findings("checkpoint_tensor", "checkpoint_value")
    if not found or len(found) < len(case.judgement.gating):
        return None
    return Cause(
        id="checkpoint-content",
        title="The candidate saves something else than the reference after the same training",
        explains=explained(case, expects(*_CONTENT)),
        evidence=evidence.lines(*(one.first for one in found)),
        consequence="A resumed run, or whoever uses the checkpoint, gets another model.",
    )


def _keys(case: Case, difference: Difference) -> list[str]:
    """Keys on one side only, in files that are on both."""
    files = {
        one.name.partition(_SEPARATOR)[0] for one in measurements(case, "checkpoint_file", differences={difference})
    }
    places = [one.name.partition(_SEPARATOR) for one in measurements(case, "checkpoint_kind", differences={difference})]
    return list(dict.fromkeys(key for file, _, key in places if file not in files))
