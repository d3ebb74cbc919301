"""Causes in what the loss is measured against."""

from parity.diagnose.case import Case
from parity.diagnose.library import evidence, localisation
from parity.diagnose.library.reach import VALUE, expects, explained, first
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.shapes import dimensions


@rule(
    "targets-cut",
    needs=("target", "target_shape", "batch"),
    predicts="targets and their shapes, outputs, losses, and every number from there on",
    advice="Shift labels once: either what prepares them or the model leaves out the first, and the logits the last.",
)
def targets_cut(case: Case) -> Cause | None:
    """The loss is measured against more or fewer targets, though the model is given the same batches."""
    place = parting(case.judgement)
    shape, content = first(case, "target_shape"), first(case, "target", differences=VALUE)
    if shape is None or place is None or not Phase.FORWARD <= place.phase <= Phase.LOSS or shape.update != place.update:
        return None
    fed = case.findings("batch", "batch_shape", "rng", "train_mode")
    if not case.pairs("batch") or any(each.first.moment <= place.first.moment for each in fed):
        return None
    ours, theirs = (dimensions(value) or () for value in (shape.reference, shape.candidate))
    fewer = sum(ours) - sum(theirs)
    title = "The candidate's loss is measured against other targets"
    return Cause(
        id="targets-cut",
        title=f"{title}, {fewer} fewer" if fewer > 0 else f"{title}, {-fewer} more" if fewer < 0 else title,
        explains=explained(case, expects("target", "target_shape"), since=localisation.start(case, place)),
        evidence=(
            *evidence.lines(*(each for each in (shape, content) if each is not None)),
            "the batches are the same",
        ),
        consequence="The model learns to predict something else: with labels shifted twice, the token after the next.",
    )
