"""Causes of which only the place is known: all that goes in is equal, and what comes out is not."""

from dataclasses import dataclass
from typing import Final

from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.reach import VALUE, at, explained, first
from parity.diagnose.registry import Cause
from parity.findings.model import Finding
from parity.trace.channels import Carries, Phase


@dataclass(frozen=True, kw_only=True)
class _Station:
    """One step of an update: what is equal before it when it is where the sides part, and where to look."""

    id: str
    title: str
    equal: str
    advice: str


_STATIONS: Final = {
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
    Phase.UPDATE: _Station(
        id="update-differs",
        title="The candidate makes another update from the same gradients",
        equal="gradients, learning rates and hyper-parameters",
        advice="Compare what happens to gradients after the norm is measured, the optimizer's implementation, and what "
        "else writes into parameters.",
    ),
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


def first_difference(case: Case) -> Cause | None:
    """Both sides part at one step of an update, and nothing that feeds this step differs."""
    chain = [finding for finding in case.judgement.gating if finding.phase <= Phase.STATE]
    if not chain:
        return None
    parting = min(chain, key=lambda finding: finding.first.moment)
    station = _station(case, parting)
    if station is None or parting.first.reference is None or parting.first.candidate is None:
        return None
    if any(_feeds(finding, parting) for finding in chain):
        return None
    return Cause(
        id=station.id,
        title=station.title,
        explains=explained(case, since=_start(case, parting)),
        evidence=(evidence.line(parting.first), f"equal until then: {station.equal}"),
        consequence="Training goes another way from there on.",
        advice=station.advice,
    )


def _station(case: Case, parting: Finding) -> _Station | None:
    if parting.phase is not Phase.LOSS:
        return _STATIONS.get(parting.phase)
    if parting.channel.name == "target":
        return _TARGETS
    return _STATIONS[Phase.LOSS] if case.pairs("output") else _UNSEEN


def _feeds(finding: Finding, parting: Finding) -> bool:
    """Whether something that is no number differs by then."""
    return finding.channel.carries is Carries.STRUCTURE and finding.first.moment <= parting.first.moment


def _start(case: Case, parting: Finding) -> Place:
    """Where the consequences begin: a forward may have shown in an evaluation before."""
    start = parting.first.moment
    evaluated = first(case, "eval_output", differences=VALUE)
    if parting.phase is not Phase.FORWARD or evaluated is None or case.findings("eval_batch", "eval_mode"):
        return start
    return min(start, at(evaluated.update, Phase.EVAL))
