"""Causes in what the model and the optimizer are: sets of parameters, which are trained, which are one."""

from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import ANY, START, VALUE, Prediction, at, expects, explained, first, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase

_FROZEN: Final = "frozen"
_STORED: Final = ("checkpoint_kind", "checkpoint_tensor", "checkpoint_value")
_OF_PARAMETERS: Final = (
    "parameter_kind",
    "parameter_initial",
    "tied_storage",
    "gradient",
    "optimizer_group",
    "parameter",
    "optimizer_state",
    "stale_gradients",
    "parameter_outside",
    *_STORED,
)


@rule(
    "parameters-untied",
    needs=("tied_storage",),
    predicts="a parameter more in gradients, groups and states, and every number from the first backward on",
    advice="Assign the one parameter to both modules, after everything that replaces parameters (loading, moving).",
)
def parameters_untied(case: Case) -> Cause | None:
    """Parameters that are one in the reference are two in the candidate."""
    found = measurements(case, "tied_storage", differences={Difference.MISSING})
    if not found or min(one.update for one in found) >= 0 or case.findings("exit_status"):
        return None
    one = found[0]
    # Two parameters where there was one are also initialised one by one.
    initial = {each.name for each in measurements(case, "parameter_initial", differences=VALUE)}
    drawn = bool(initial) and initial <= {str(name) for each in found for name in (each.name, each.reference)}
    return Cause(
        id="parameters-untied",
        title=f"The candidate does not tie {one.name} to {one.reference}",
        explains=explained(
            case,
            expects("tied_storage"),
            _alone(),
            _sizes(),
            expects("stale_gradients"),
            *((expects("parameter_initial", differences=VALUE),) if drawn else ()),
            since=START if drawn else at(0, Phase.BACKWARD),
        ),
        evidence=tuple(f"{each.name} shares its storage with {each.reference} in the reference only" for each in found),
        consequence="Each of them learns from its own part of the gradient only, and drifts away from the other.",
    )


@rule(
    "parameter-frozen",
    needs=("parameter_kind",),
    predicts="gradients, groups and states that are missing, and every number from the first backward on",
    advice="Compare where requires_grad is set, and whether weights are replaced by tensors that do not require it.",
)
def parameter_frozen(case: Case) -> Cause | None:
    """A parameter requires a gradient on one side only."""
    found = [one for one in measurements(case, "parameter_kind", differences=VALUE) if _is_frozen(one)]
    if not found:
        return None
    names = list(dict.fromkeys(one.name for one in found))
    deeds = ("freezes", "trains") if _FROZEN in str(found[0].candidate) else ("trains", "freezes")
    return Cause(
        id="parameter-frozen",
        title=f"The candidate {deeds[0]} {evidence.plural(len(names), 'parameter')} that the reference {deeds[1]}",
        explains=explained(
            case, expects("parameter_kind", differences=VALUE), _alone(), _sizes(), since=at(0, Phase.LOSS)
        ),
        evidence=(evidence.line(found[0]), f"concerned: {evidence.listing(names)}"),
        consequence="These parameters keep their values, and all others adapt to that.",
    )


@rule(
    "parameter-set",
    needs=("parameter_kind",),
    predicts="all that belongs to these parameters, what is drawn to initialise them, and every number after that",
    advice="Compare how the model is built: biases, shapes, numbers of layers, and what its configuration is given.",
)
def parameter_set(case: Case) -> Cause | None:
    """The models have other parameters: some are missing or extra, or have another shape or type."""
    found = [one for one in measurements(case, "parameter_kind") if one.update < 0 and not _is_frozen(one)]
    if not found or not case.pairs("parameter_kind") or case.findings("exit_status"):
        return None
    words = {Difference.MISSING: "missing", Difference.EXTRA: "extra", Difference.VALUE: "of another shape or type"}
    lines = [
        f"{word} in the candidate ({len(names)}): {evidence.listing(names)}"
        for difference, word in words.items()
        if (names := list(dict.fromkeys(one.name for one in found if one.difference is difference)))
    ]
    return Cause(
        id="parameter-set",
        title="The candidate's model has other parameters",
        explains=explained(
            case,
            expects(*_OF_PARAMETERS, "rng", "batch", "eval_batch", "buffer_initial", differences=ANY),
            _sizes(),
            since=START,
        ),
        evidence=tuple(lines),
        consequence="The two programs train different models.",
    )


@rule(
    "optimizer-class",
    needs=("optimizer_type",),
    predicts="groups and states, and every number from the first update on",
    advice="Compare the class that is built, and what it does with weight decay.",
)
def optimizer_class(case: Case) -> Cause | None:
    """The optimizer is of another class."""
    one = first(case, "optimizer_type", differences=VALUE)
    if one is None:
        return None
    return Cause(
        id="optimizer-class",
        title=f"The candidate's optimizer is {one.candidate}, the reference's {one.reference}",
        explains=explained(
            case, expects("optimizer_type", "optimizer_group", "optimizer_state", *_STORED), since=at(0, Phase.UPDATE)
        ),
        evidence=evidence.lines(one, *measurements(case, "optimizer_group", differences=VALUE)[:1]),
        consequence="Every update follows another rule.",
    )


def _is_frozen(one: Measurement) -> bool:
    texts = str(one.reference), str(one.candidate)
    return one.difference is Difference.VALUE and (_FROZEN in texts[0]) != (_FROZEN in texts[1])


def _alone() -> Prediction:
    """Predict what belongs to a parameter and stands on one side only."""
    return expects(*_OF_PARAMETERS, differences=ANY - VALUE)


def _sizes() -> Prediction:
    """Predict printed numbers of parameters."""
    return lambda one: one.channel.name == "log_value" and "param" in one.name.lower()
