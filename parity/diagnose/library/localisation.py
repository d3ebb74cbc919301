"""Causes of which only the place is known: all that goes in is equal, and what comes out is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, at, explained, first
from parity.diagnose.parting import parting
from parity.diagnose.registry import Cause, Declaration, rule_of
from parity.findings.model import Finding
from parity.trace.channels import CHANNELS, Carries, Phase


@dataclass(frozen=True, kw_only=True)
class _Station:
    """One step of an update: what is equal before it when it is where the sides part, and where to look."""

    id: str
    title: str
    equal: str
    advice: str


_STATIONS: Final = {
    Phase.SETUP: _Station(
        id="changed-between-updates",
        title="The candidate changes weights or optimizer state between two updates",
        equal="what the step before left behind",
        advice="Look between step and the next forward: averages, clamping, tying again, a state that is loaded.",
    ),
    Phase.DATA: _Station(
        id="data-differs",
        title="The candidate trains on other data",
        equal="weights and the state of everything else",
        advice="Compare where batches are cut, their order, and who draws from the generator that decides it.",
    ),
    Phase.FORWARD: _Station(
        id="forward-differs",
        title="The candidate's model computes something else from equal weights and equal data",
        equal="weights, batches, random state and mode",
        advice="Compare the model's forward and the definition of its loss: shifted targets, ignored positions, masks, "
        "precision.",
    ),
    Phase.LOSS: _Station(
        id="loss-differs",
        title="The candidate differentiates another loss, though its model returns the same",
        equal="weights, batches and what the model returns",
        advice="Compare what is done to the loss between forward and backward: divisors, additional terms, precision.",
    ),
    Phase.BACKWARD: _Station(
        id="backward-differs",
        title="The candidate's gradient is another one, though its loss is the same",
        equal="weights, batches and losses",
        advice="Look between backward and clipping: detached parts, recomputed activations, gradients that are scaled, "
        "replaced or not reduced over ranks.",
    ),
    Phase.CLIP: _Station(
        id="clip-differs",
        title="The candidate gives other gradients to its optimizer",
        equal="gradients at the end of the last backward",
        advice="Compare what is done to gradients before the step: the type of the norm, the order of its sum, noise.",
    ),
    Phase.UPDATE: _Station(
        id="update-differs",
        title="The candidate makes another update from the same gradients",
        equal="gradients, learning rates and hyper-parameters",
        advice="Compare what happens to gradients after the norm is measured, the optimizer's implementation, and what "
        "else writes into parameters.",
    ),
    Phase.STATE: _Station(
        id="state-differs",
        title="The candidate's optimizer, or a running average, keeps another state",
        equal="weights, gradients and learning rates",
        advice="Compare the optimizer's implementation, and what is updated beside the parameters.",
    ),
    Phase.EVAL: _Station(
        id="evaluation-differs",
        title="The candidate evaluates something else",
        equal="weights, and the random state before each evaluation",
        advice="Compare which batches are evaluated, how many, and in which mode.",
    ),
}
_IN_A_CHAIN: Final = frozenset({Phase.FORWARD, Phase.LOSS, Phase.BACKWARD, Phase.UPDATE})
"""Phases whose difference says where the sides part when nothing was taken over: what feeds them is known."""
_ALSO: Final = {
    Phase.DATA: ("eval_batch", "eval_batch_shape", "eval_rng"),
    Phase.FORWARD: ("eval_output", "eval_content"),
}

_TARGETS: Final = _Station(
    id="targets-differ",
    title="The candidate is trained towards other targets on the same batches",
    equal="weights and batches",
    advice="Compare how targets are made: the numbering of labels, their order, and what they are looked up in.",
)
_UNSEEN: Final = _Station(
    id="loss-differs",
    title="The candidate differentiates another loss on equal weights and equal data",
    equal="weights, batches and targets; what the models return was not compared",
    advice="Compare the model's forward and the definition of its loss: masks, ignored positions, weights, divisors.",
)


def _declared(phases: frozenset[Phase], predicts: str) -> Iterator[Declaration]:
    for phase in sorted(phases):
        station = _STATIONS[phase]
        needs = tuple(one.name for one in CHANNELS.values() if one.phase is phase and one.carries is Carries.VALUES)
        what = f"{station.title}; until then, {station.equal} are equal."
        yield Declaration(id=station.id, what=what, needs=needs, predicts=predicts, advice=station.advice)


@rule_of(
    *_declared(_IN_A_CHAIN, "every number from there on"),
    Declaration(
        id=_TARGETS.id,
        what=f"{_TARGETS.title}; until then, {_TARGETS.equal} are equal.",
        needs=("target",),
        predicts="every number from there on",
        advice=_TARGETS.advice,
    ),
)
def first_difference(case: Case) -> Cause | None:
    """Both sides part at one step of an update, and nothing that feeds this step differs."""
    place = parting(case.judgement)
    station = _station(case, place) if place is not None and place.phase in _IN_A_CHAIN else None
    if place is None or station is None or is_fed(case, place):
        return None
    return Cause(
        id=station.id,
        title=station.title,
        explains=explained(case, since=start(case, place)),
        evidence=(evidence.line(place.first), f"equal until then: {station.equal}"),
        consequence="Training goes another way from there on.",
        advice=station.advice,
    )


@rule_of(*_declared(frozenset({Phase.EVAL}), "evaluations, and what is printed of them"))
def evaluation_differs(case: Case) -> Cause | None:
    """Evaluations of equal weights on equal batches return something else, and the training is the same throughout."""
    one = first(case, "eval_output", differences=VALUE)
    fed = case.findings("eval_batch", "eval_batch_shape", "eval_mode", "eval_forwards")
    if one is None or fed or parting(case.judgement) is not None:
        return None
    station = _STATIONS[Phase.EVAL]
    return Cause(
        id=station.id,
        title=station.title,
        explains=explained(case, since=one.moment),
        evidence=(evidence.line(one), "batches and modes of the evaluations, and the whole training, are the same"),
        consequence="What is reported, and what is chosen by it, is not about the same model.",
    )


@rule_of(*_declared(frozenset(_STATIONS), "what else differs in this phase, and nothing in another one"))
def first_phase(case: Case) -> Cause | None:
    """The first phase that differs where the candidate was followed: all that went into it was the reference's."""
    phases = sorted({finding.phase for finding in case.judgement.gating} & _STATIONS.keys())
    if not phases:
        return None
    phase = phases[0]
    station = _STATIONS[phase]
    found = [finding for finding in case.judgement.gating if finding.phase is phase]
    also = case.findings(*_ALSO.get(phase, ()))
    return Cause(
        id=station.id,
        title=station.title,
        explains=tuple(finding.id for finding in (*found, *also)),
        evidence=(
            evidence.line(found[0].first),
            f"{found[0].first.differing} of {found[0].first.compared} values of this series differ",
            f"equal, or set to the reference's, before that: {station.equal}",
        ),
        consequence="This phase makes something else of the reference's own values, whatever else differs.",
    )


def _station(case: Case, place: Finding) -> _Station:
    if place.phase is not Phase.LOSS:
        return _STATIONS[place.phase]
    if place.channel.name == "target":
        return _TARGETS
    return _STATIONS[Phase.LOSS] if case.pairs("output") else _UNSEEN


def is_fed(case: Case, place: Finding) -> bool:
    """Whether one side has nothing there, or something that is no number differs by then."""
    return (
        place.first.reference is None
        or place.first.candidate is None
        or any(
            one.phase <= Phase.STATE
            and one.channel.carries is Carries.STRUCTURE
            and one.first.moment <= place.first.moment
            for one in case.judgement.gating
        )
    )


def start(case: Case, place: Finding) -> Place:
    """Where the consequences begin: a forward may have shown in an evaluation before."""
    begin = place.first.moment
    evaluated = first(case, "eval_output", differences=VALUE)
    if place.phase is not Phase.FORWARD or case.followed or evaluated is None:
        return begin
    if case.findings("eval_batch", "eval_mode"):
        return begin
    return min(begin, at(evaluated.update, Phase.EVAL))
