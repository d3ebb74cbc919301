"""Causes in how evaluations of several ranks become one number, recognised by computing it in each wrong way."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose

from parity.diagnose.case import Case, Pair
from parity.diagnose.library import evidence
from parity.diagnose.library.across import worlds
from parity.diagnose.library.printout import LOG, printed_numbers
from parity.diagnose.library.reach import explained
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Process, Trace
from parity.trace.printed import decimals
from parity.trace.shapes import dimensions

_LOSS = "loss"


@dataclass(frozen=True, kw_only=True)
class _Estimates:
    """One evaluation of all ranks as one number, in the right way and in wrong ones."""

    whole: float
    own: float
    of_means: float


@rule(
    "evaluation-not-reduced",
    needs=("eval_output", "log_value"),
    predicts="the printed number",
    advice="Reduce sum and count over all ranks, in the default group, before dividing.",
)
def evaluation_not_reduced(case: Case) -> Cause | None:
    """The reference prints the mean over all ranks, the candidate that of rank 0."""
    return _combined(
        case,
        "own",
        "evaluation-not-reduced",
        "The candidate prints what rank 0 alone has evaluated",
        "One shard of the validation data stands for all of it.",
    )


@rule(
    "evaluation-mean-of-means",
    needs=("eval_output", "log_value"),
    predicts="the printed number",
    advice="Reduce sum and count over all ranks before dividing.",
)
def evaluation_mean_of_means(case: Case) -> Cause | None:
    """The reference weights the ranks by their samples, the candidate counts each rank once."""
    return _combined(
        case,
        "of_means",
        "evaluation-mean-of-means",
        "The candidate prints the mean of the ranks' means",
        "Samples on a rank that has fewer of them count for more, so that the estimate depends on the world size.",
    )


def _combined(case: Case, wrong: str, identifier: str, title: str, consequence: str) -> Cause | None:
    if not worlds(case) or case.findings("eval_forwards", "eval_batch", "eval_batch_shape", "eval_output"):
        return None
    estimates = _estimates(case.reference)
    numbers = (found.name for found in printed_numbers(case) if _LOSS in found.label)
    pairs = {name: pair for name in numbers if (pair := case.pair(LOG, name)) is not None}
    found = {name: pair for name, pair in pairs.items() if _shows(pair, estimates, wrong)}
    if not found:
        return None
    name, (ours, theirs) = next(iter(found.items()))
    update = int(ours.updates[0])
    return Cause(
        id=identifier,
        title=title,
        explains=explained(case, lambda one: one.channel.name == LOG and one.name in found),
        evidence=(
            evidence.both(f"{name!r}, {evidence.moment(update)}", ours.python(0), theirs.python(0)),
            f"the mean over all samples of all ranks is {estimates[update].whole:.9g}",
            f"what the candidate prints is {getattr(estimates[update], wrong):.9g} by the same evaluations",
            "every rank evaluates the same on both sides",
        ),
        consequence=consequence,
    )


def _shows(pair: Pair, estimates: Mapping[int, _Estimates], wrong: str) -> bool:
    """Whether the reference always prints the whole estimate and the candidate the wrong one, and they differ."""
    ours, theirs = pair
    if ours.updates.tolist() != theirs.updates.tolist() or ours.values.tolist() == theirs.values.tolist():
        return False
    unit = 10.0 ** -decimals(*ours.values.tolist(), *theirs.values.tolist())
    places = zip(ours.updates.tolist(), ours.values.tolist(), theirs.values.tolist(), strict=True)
    return all(
        update in estimates
        and isclose(before, estimates[update].whole, rel_tol=1e-6, abs_tol=unit)
        and isclose(after, getattr(estimates[update], wrong), rel_tol=1e-6, abs_tol=unit)
        for update, before, after in places
    )


def _estimates(trace: Trace) -> dict[int, _Estimates]:
    """Every evaluation in which all ranks took part, by update. Losses are means over the samples of a batch."""
    shares = [_shares(process) for process in trace.processes]
    found = {}
    for update in shares[0]:
        parts = [share[update] for share in shares if update in share]
        if len(parts) == len(shares):
            total, count = (sum(column) for column in zip(*parts, strict=True))
            means = [part[0] / part[1] for part in parts]
            found[update] = _Estimates(whole=total / count, own=means[0], of_means=sum(means) / len(means))
    return found


def _shares(process: Process) -> dict[int, tuple[float, int]]:
    """Sum of losses and number of samples of one rank, for each of its evaluations."""
    outputs, shapes = process.get("eval_output", "0"), process.get("eval_batch_shape", "0")
    if outputs is None or shapes is None or outputs.updates.tolist() != shapes.updates.tolist():
        return {}
    found: dict[int, tuple[float, int]] = {}
    for update, value, text in zip(outputs.updates.tolist(), outputs.values, shapes.values, strict=True):
        shape = dimensions(text)
        if shape:
            total, count = found.get(update, (0.0, 0))
            found[update] = total + float(value) * shape[0], count + shape[0]
    return found
