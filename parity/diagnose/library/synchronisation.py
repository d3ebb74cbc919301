"""Causes in what data-parallel ranks exchange: gradients that stay apart, are exchanged too often, or too late."""

from typing import Final

from parity.diagnose.case import Case, Place
from parity.diagnose.library import evidence
from parity.diagnose.library.across import Parting, apart, newly_apart, sums, worlds
from parity.diagnose.library.reach import VALUE, at, explained, first
from parity.diagnose.registry import Cause, rule
from parity.trace.channels import Phase
from parity.trace.model import Process

_SYNCS: Final = "gradient_syncs"
_BUFFERS: Final = ("broadcast_buffers", "forward_sync_buffers")


@rule(
    "gradients-not-synchronised",
    needs=("gradient", "gradient_syncs"),
    predicts="all numbers from the first backward on whose gradients part",
    advice="Leave no_sync, or set require_backward_grad_sync, before the last forward of each update.",
)
def gradients_not_synchronised(case: Case) -> Cause | None:
    """Gradients are equal on all ranks of the reference, and the candidate never exchanges them, or not with all."""
    parting = _gradients_apart(case)
    if parting is None or _past_the_wrapper(case) or not apart(case.candidate, "parameter", until=parting.update):
        return None
    ours, theirs = _syncs(case)
    exchanged = theirs == ours
    return Cause(
        id="gradients-not-synchronised",
        title="The candidate exchanges gradients, but not among all ranks"
        if exchanged
        else "The candidate never exchanges gradients between ranks",
        explains=explained(case, since=_backward(parting)),
        evidence=(parting.line, *_exchanges(case)),
        consequence="Each rank trains a model of its own on its own share of the data, and one of them is saved.",
        advice="Compare the process group that the model is wrapped with."
        if exchanged
        else "Leave no_sync, or set require_backward_grad_sync, before the last forward of each update.",
    )


@rule(
    "forward-past-the-wrapper",
    needs=("gradient", "gradient_syncs"),
    predicts="all numbers from the first backward on whose gradients part",
    advice="Call the wrapped model in the training loop; .module is for evaluating and saving.",
)
def forward_past_the_wrapper(case: Case) -> Cause | None:
    """The candidate calls the module inside DistributedDataParallel, so that nothing is exchanged."""
    parting = _gradients_apart(case)
    if parting is None or not _past_the_wrapper(case):
        return None
    return Cause(
        id="forward-past-the-wrapper",
        title="The candidate trains the module inside DistributedDataParallel, past the wrapper",
        explains=explained(case, since=_backward(parting)),
        evidence=(parting.line, *_exchanges(case), "both sides wrap a model, and enter no_sync equally often"),
        consequence="No gradient is exchanged: each rank trains a model of its own on its own share of the data.",
    )


@rule(
    "synchronised-every-micro-step",
    needs=("gradient_syncs",),
    predicts="all numbers from the first gradient on that differs",
    advice="Enter no_sync for all micro-steps but the last of each update.",
)
def synchronised_every_micro_step(case: Case) -> Cause | None:
    """The candidate exchanges gradients at every micro-step, where the reference does at the last of each update."""
    ours, theirs = _syncs(case)
    steps, others = case.micro_steps()
    gradient = first(case, "gradient_norm", "gradient", differences=VALUE)
    if not worlds(case) or not 0 < ours < theirs or steps != others or gradient is None:
        return None
    if apart(case.candidate, "gradient", until=gradient.update) or case.findings("batch", "micro_steps"):
        return None
    return Cause(
        id="synchronised-every-micro-step",
        title="The candidate exchanges gradients at every micro-step",
        explains=explained(case, since=at(gradient.update, Phase.BACKWARD)),
        evidence=(*_exchanges(case), evidence.line(gradient)),
        consequence="The sum is the same but for the order of its additions, so that the last bits change; the ranks "
        "exchange several times as many bytes.",
    )


@rule(
    "clip-before-reduction",
    needs=("clip_norm",),
    predicts="all numbers from the first clipping on whose norms part",
    advice="Clip once all gradients are reduced.",
)
def clip_before_reduction(case: Case) -> Cause | None:
    """Each rank of the candidate clips its own gradients; what they are reduced to is the same on all."""
    norms = newly_apart(case, "clip_norm")
    if norms is None or apart(case.candidate, "parameter", until=norms.update):
        return None
    return Cause(
        id="clip-before-reduction",
        title="The candidate clips the gradients of each rank before they are reduced",
        explains=explained(case, since=_backward(norms)),
        evidence=(norms.line, "the parameters are equal on all ranks after that update", *_exchanges(case)),
        consequence="Each rank is limited by a norm of its own: what is averaged points elsewhere, and is shorter.",
    )


@rule(
    "buffers-not-broadcast",
    needs=("distributed_option", "buffer"),
    predicts="buffers and evaluations, and all numbers from there on",
    advice="Keep broadcast_buffers, or use SyncBatchNorm.",
)
def buffers_not_broadcast(case: Case) -> Cause | None:
    """The reference gives the buffers of rank 0 to all ranks before each forward, the candidate does not."""
    name = next((name for name in _BUFFERS if _switched_off(case, name)), "")
    one = first(case, "buffer", "eval_output", differences=VALUE)
    if not name or one is None:
        return None
    return Cause(
        id="buffers-not-broadcast",
        title="The candidate leaves each rank its own buffers",
        explains=explained(case, since=one.moment),
        evidence=(evidence.both(name, "True", "False"), evidence.line(one)),
        consequence="Running statistics differ between ranks: ranks evaluate different models, and what is saved "
        "knows the data of one rank only.",
    )


def _switched_off(case: Case, name: str) -> bool:
    pair = case.pair("distributed_option", name)
    return pair is not None and (str(pair[0].values[-1]), str(pair[1].values[-1])) == ("True", "False")


def _gradients_apart(case: Case) -> Parting | None:
    """Where the candidate's gradients part, if that is where both sides part."""
    parting = newly_apart(case, "gradient")
    gradient = first(case, "gradient", differences=VALUE)
    if parting is None or gradient is None or gradient.update != parting.update:
        return None
    return parting


def _past_the_wrapper(case: Case) -> bool:
    ours, theirs = _syncs(case)
    entered = [_opening(side, "no_sync") for side in case.sides or ()]
    return ours > 0 and theirs == 0 and len(set(entered)) == 1


def _syncs(case: Case) -> tuple[int, int]:
    """Micro-steps of the first update that exchange gradients on both sides; 0 where none is known."""
    ours, theirs = (_opening(side, _SYNCS) for side in case.sides) if case.sides else (0, 0)
    return ours, theirs


def _opening(process: Process, channel: str) -> int:
    series = process.get(channel)
    return int(series.values[0]) if series is not None and len(series) else 0


def _exchanges(case: Case) -> tuple[str, ...]:
    found = [evidence.both("micro-steps of the first update that exchange gradients", *_syncs(case))]
    ours, theirs = (sums(trace, "collective", "all_reduce") for trace in (case.reference, case.candidate))
    if ours != theirs:
        found.append(evidence.both("bytes that the program itself reduces, over all ranks", sum(ours), sum(theirs)))
    return tuple(found)


def _backward(parting: Parting) -> Place:
    return at(parting.update, Phase.BACKWARD)
