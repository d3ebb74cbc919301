"""Causes inside the model, named by a close-up of the update at which both sides part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from parity.compare.zoom_model import Change, Direction, Manner, OperationDifference, Zoom
from parity.diagnose import closeup
from parity.diagnose.case import Case
from parity.diagnose.library import localisation
from parity.diagnose.library.reach import START, expects, explained
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, Declaration, rule, rule_of

_SCALING: Final = frozenset({"mul", "mul_", "div", "div_"})
_DRAWING: Final = frozenset({"bernoulli_", "native_dropout", "_fused_dropout"})
_MASKING: Final = frozenset({"ones", "full", "tril", "triu"})
_CASTING: Final = frozenset({"_to_copy", "to"})
_DIGITS: Final = 12


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One kind of difference inside a model: ``title`` says it, or nothing where this is another kind."""

    id: str
    what: str
    title: Callable[[Zoom], str | None]
    consequence: str
    advice: str


@rule(
    "parameter-transposed",
    needs=("parameter_initial",),
    predicts="initial weights, their shapes, and every number from there on",
    advice="Look for layers that store weights as (in, out) on one side and (out, in) on the other, and for weights "
    "that are copied or converted between them.",
)
def parameters_transposed(case: Case) -> Cause | None:
    """A matrix begins as the transpose of what the reference has."""
    zoom = case.zoom
    if zoom is None or zoom.direction is not Direction.PARAMETERS:
        return None
    turned = [one for one in zoom.parameters if one.is_transposed]
    if not turned:
        return None
    return Cause(
        id="parameter-transposed",
        title=f"The candidate begins with {turned[0].name} transposed"
        + (f", and {len(turned) - 1} more" if len(turned) > 1 else ""),
        explains=explained(case, expects("parameter_initial", "parameter_kind"), since=START),
        evidence=(*closeup.lines(zoom), *zoom.remarks),
        consequence="The layer maps its inputs by another matrix.",
    )


def _operation_changed(case: Case) -> Cause | None:
    """The first operation, or the first gradient, that differs although all that goes into it is equal."""
    zoom, place = case.zoom, parting(case.judgement)
    if zoom is None or place is None or zoom.direction not in (Direction.FORWARD, Direction.BACKWARD):
        return None
    if localisation.is_fed(case, place) or (zoom.module is None and zoom.operation is None):
        return None
    kind, title = next((kind, title) for kind in _KINDS if (title := kind.title(zoom)) is not None)
    return Cause(
        id=kind.id,
        title=title,
        explains=explained(case, since=localisation.start(case, place)),
        evidence=(*closeup.lines(zoom), *zoom.sequence, *zoom.remarks),
        consequence=kind.consequence,
    )


def _gelu(zoom: Zoom) -> str | None:
    change = _change(zoom, "approximate")
    if change is None or _name(zoom) != "gelu":
        return None
    return f"Another variant of GELU in {closeup.place(zoom)}: {_both(change)}"


def _epsilon(zoom: Zoom) -> str | None:
    change = _change(zoom, "eps")
    return None if change is None else f"Another epsilon of the normalisation in {closeup.place(zoom)}: {_both(change)}"


def _dropout(zoom: Zoom) -> str | None:
    found = zoom.operation
    change = _change(zoom, "p", "dropout_p")
    if change is not None:
        kept = _name(zoom) == "bernoulli_"
        ours, theirs = (_dropped(one, kept=kept) for one in (change.reference, change.candidate))
        return (
            f"Another dropout probability in {closeup.place(zoom)}: {ours} in the reference, {theirs} in the candidate"
        )
    # What is drawn may be equal by chance, where the candidate draws as many numbers for something else next.
    drawn = _name(zoom) in _DRAWING or (zoom.module is not None and "Dropout" in zoom.module.kind)
    if found is not None and found.manner in (Manner.MISSING, Manner.EXTRA) and drawn:
        side = "reference" if found.manner is Manner.MISSING else "candidate"
        return f"Only the {side} has dropout in {closeup.place(zoom)}"
    return None


def _scale(zoom: Zoom) -> str | None:
    change = _change(zoom, "other", "scale")
    found = zoom.operation
    if change is None or found is None:
        return None
    before_softmax = _name(zoom) in _SCALING and any("softmax" in one for one in found.following)
    if not before_softmax and "scaled_dot_product" not in _name(zoom):
        return None
    return f"Another scale of the attention scores in {closeup.place(zoom)}: {_both(change)}"


def _mask(zoom: Zoom) -> str | None:
    change = _change(zoom, "diagonal", "is_causal")
    if change is not None:
        return f"Another causal mask in {closeup.place(zoom)}: {change.name} is {_both(change)}"
    found = zoom.operation
    if found is None or found.manner is not Manner.MISSING or found.reference is None:
        return None
    made = (found.reference.name, *found.following)
    if _name(zoom) not in _MASKING or not any(
        one.split(".")[1:2] == [part] for one in made for part in ("tril", "triu")
    ):
        return None
    return f"The candidate has no causal mask in {closeup.place(zoom)}"


def _residual(zoom: Zoom) -> str | None:
    found = zoom.operation
    if found is None or found.manner is not Manner.MISSING or found.reference is None or _name(zoom) != "add":
        return None
    return f"A residual connection is missing in {closeup.place(zoom)}" if len(found.reference.inputs) > 1 else None


def _cut(zoom: Zoom) -> str | None:
    found = zoom.gradient
    if found is None or not (found.without or any("candidate" in one and "detach" in one for one in zoom.sequence)):
        return None
    return f"The gradient is cut, in whole or in part, between {closeup.until(zoom)} and {closeup.path(found.path)}"


def _precision(zoom: Zoom) -> str | None:
    found, change = zoom.operation, _change(zoom, "dtype")
    cast = found is not None and found.manner in (Manner.MISSING, Manner.EXTRA) and _name(zoom) in _CASTING
    if change is None and not cast:
        return None
    both = f": {_both(change)}" if change is not None else ""
    return f"Another precision in {closeup.place(zoom)}{both}"


def _loss(zoom: Zoom) -> str | None:
    found = zoom.operation
    if found is None or found.manner is not Manner.CHANGED or "loss" not in _name(zoom):
        return None
    return "The loss is called with other arguments: " + ", ".join(
        f"{one.name} is {_both(one)}" for one in found.changes
    )


def _other(zoom: Zoom) -> str:
    found = zoom.operation
    if found is None:
        where = f" at {closeup.path(zoom.gradient.path)}" if zoom.gradient is not None else f" in {closeup.place(zoom)}"
        return f"The candidate computes another {zoom.direction.value}{where}"
    ours, theirs = (one.name if one is not None else "" for one in (found.reference, found.candidate))
    where = closeup.place(zoom)
    if zoom.gradient is not None:
        where = f"the backward of {closeup.path(zoom.gradient.path)}"
    return {
        Manner.CHANGED: f"{ours} has other arguments in {where}",
        Manner.MISSING: f"{ours} is missing in {where}",
        Manner.EXTRA: f"{theirs} is extra in {where}",
        Manner.REPLACED: f"{ours or 'nothing'} is replaced by {theirs or 'nothing'} in {where}",
        Manner.OTHER_RESULT: f"{ours} gives another result from equal inputs in {where}",
    }[found.manner]


def _name(zoom: Zoom) -> str:
    """Bare name of the operation, such as ``gelu``."""
    found: OperationDifference | None = zoom.operation
    known = None if found is None else found.reference or found.candidate
    return "" if known is None else known.name.split(".")[1] if "." in known.name else known.name


def _change(zoom: Zoom, *names: str) -> Change | None:
    """The change of an argument, if it is the only one and has one of ``names``."""
    found = zoom.operation
    if found is None or found.manner is not Manner.CHANGED or len(found.changes) != 1:
        return None
    return next((one for one in found.changes if one.name in names), None)


def _both(change: Change) -> str:
    return f"{change.reference or 'absent'} in the reference, {change.candidate or 'absent'} in the candidate"


def _dropped(text: str | None, *, kept: bool) -> str:
    """A dropout probability; torch draws with the probability to keep."""
    try:
        number = float(text or "")
    except ValueError:
        return text or "absent"
    return repr(round(1 - number, _DIGITS)) if kept else repr(number)


_FORWARD: Final = "From there on, every activation, and every update, is another one."
_KINDS: Final = (
    _Kind(
        id="gelu-variant",
        what="The activation is another variant of GELU.",
        title=_gelu,
        consequence=_FORWARD,
        advice="Compare the activation: approximate='tanh' is GPT-2's, 'none' the exact one.",
    ),
    _Kind(
        id="normalisation-epsilon",
        what="A normalisation has another epsilon.",
        title=_epsilon,
        consequence=f"{_FORWARD} Small activations are scaled most differently.",
        advice="Pass eps explicitly: defaults differ between libraries (1e-5 in torch, 1e-6 or 1e-12 elsewhere).",
    ),
    _Kind(
        id="dropout-probability",
        what="A dropout has another probability, or stands on one side only.",
        title=_dropout,
        consequence=f"The model is regularised differently. {_FORWARD}",
        advice="Compare the probability that each dropout is given, and whether it is given the configured one.",
    ),
    _Kind(
        id="attention-scale",
        what="The attention scores are scaled by another factor before the softmax.",
        title=_scale,
        consequence=f"Attention is sharper or flatter than in the reference. {_FORWARD}",
        advice="Compare the factor before the softmax: the inverse root of the size of one head, not of the model.",
    ),
    _Kind(
        id="causal-mask",
        what="The causal mask is another one, or missing.",
        title=_mask,
        consequence=f"Positions see others than in the reference, possibly what they are to predict. {_FORWARD}",
        advice="Compare the mask's diagonal and its sense: a position sees itself and what came before.",
    ),
    _Kind(
        id="residual-missing",
        what="What goes into a block is not added to its result.",
        title=_residual,
        consequence=f"The block's input does not reach its output unchanged. {_FORWARD}",
        advice="Compare what is added to the residual stream after each part of the block.",
    ),
    _Kind(
        id="gradient-cut",
        what="The gradient does not reach a part of the model, or not all of it, though the loss is the same.",
        title=_cut,
        consequence="What lies before gets a wrong gradient, or none, and learns otherwise, though the loss is equal.",
        advice="Look for detach(), .data, no_grad and tensors made anew behind that module.",
    ),
    _Kind(
        id="operation-precision",
        what="An operation is computed in another precision.",
        title=_precision,
        consequence=f"Results are rounded differently from there on. {_FORWARD}",
        advice="Compare where autocast is entered and left, and explicit casts.",
    ),
    _Kind(
        id="loss-arguments",
        what="The loss function is called with other arguments.",
        title=_loss,
        consequence="Another loss is minimised.",
        advice="Compare ignore_index, reduction, weights and label smoothing.",
    ),
    _Kind(
        id="model-operation-changed",
        what="An operation of the model, known by a close-up, is missing, extra, replaced or called otherwise.",
        title=_other,
        consequence="From there on, both sides compute different things.",
        advice="Compare the two modules named here line by line; what goes into them is equal bit for bit.",
    ),
)
operation_changed = rule_of(
    *(
        Declaration(
            id=kind.id,
            what=kind.what,
            needs=("output", "gradient_norm"),
            predicts="every number from there on, evaluations before included",
            advice=kind.advice,
        )
        for kind in _KINDS
    )
)(_operation_changed)
