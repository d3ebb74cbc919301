"""Causes in how reported numbers are made of losses: of one micro-step, of means of means, by another base."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from parity.diagnose.case import Case, Pair
from parity.diagnose.library import evidence
from parity.diagnose.library.printout import LOG
from parity.diagnose.library.reach import explained
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Series
from parity.trace.printed import Number, decimals, number, rounds_to

_PERPLEXITY: Final = ("perplexity", "ppl")
_FEWEST: Final = 2
_MOST: Final = 64
_CLOSE: Final = 1e-4

Printed = tuple[Number, Pair]


@rule(
    "printed-loss-of-one-micro-step",
    needs=("log_value", "loss"),
    predicts="these printed numbers",
    advice="Add up the losses of all micro-steps for printing; the last one is an estimate from a part of the update.",
)
def printed_loss_of_one_micro_step(case: Case) -> Cause | None:
    """One side prints the loss of the last micro-step as that of the update, the other the sum over all of them."""
    losses = case.pair("loss")
    if losses is None or case.findings("loss", "output", "micro_steps"):
        return None
    found = [one for one in _differing(case, "loss") if _is_of_one(losses, one[1]) or _is_of_one(losses, one[1][::-1])]
    if not found:
        return None
    by_candidate = _is_of_one(losses, found[0][1])
    who, other = ("candidate", "reference") if by_candidate else ("reference", "candidate")
    return _printed(
        case,
        "printed-loss-of-one-micro-step",
        f"The {who} prints the loss of the last micro-step only, the {other} that of the update",
        found,
        "The training is not affected; the printed loss is noisier, or less noisy, than the reference's.",
    )


@rule(
    "printed-loss-of-interval",
    needs=("log_value", "loss"),
    predicts="these printed numbers",
    advice="Decide whether a line shows the update that it names, or the mean since the line before; then divide by "
    "the updates that are in it, which in the first line are fewer.",
)
def printed_loss_of_interval(case: Case) -> Cause | None:
    """One side prints the loss of the update that a line names, the other the mean over all since the line before."""
    losses = case.pair("loss")
    if losses is None or case.findings("loss", "output", "micro_steps"):
        return None
    for side, (who, other) in enumerate((("reference", "candidate"), ("candidate", "reference"))):
        found = [one for one in _differing(case, "loss") if _is_of_interval(losses[0], one[1][1 - side], one[1][side])]
        if found:
            return _printed(
                case,
                "printed-loss-of-interval",
                f"The {who} prints the mean loss since the line before, the {other} that of the update",
                found,
                "The training is not affected; the printed loss is smoother, or less smooth, and lags behind.",
            )
    return None


@rule(
    "evaluation-unweighted",
    needs=("log_value", "eval_output"),
    predicts="these printed numbers",
    advice="Weigh the mean of each batch by its samples or tokens: the last batch is shorter.",
)
def evaluation_unweighted(case: Case) -> Cause | None:
    """One side prints the plain mean of the losses of all batches, the other weighs them."""
    return _of_evaluations(
        case,
        "evaluation-unweighted",
        ("loss",),
        lambda values: sum(values) / len(values),
        "the plain mean over batches",
    )


@rule(
    "perplexity-formula",
    needs=("log_value", "eval_output"),
    predicts="these printed numbers",
    advice="Perplexity is e to the mean loss in nats: exponentiate once, after averaging.",
)
def perplexity_formula(case: Case) -> Cause | None:
    """A printed perplexity has another base, or is the mean of the perplexities of all batches."""
    if case.findings("output", "loss", "eval_output"):
        return None
    found = [one for one in _differing(case, *_PERPLEXITY) if _base(one[1]) is not None]
    if found:
        factor = _base(found[0][1])
        ours, theirs = ("e", "2") if factor is not None and factor < 1 else ("2", "e")
        return _printed(
            case,
            "perplexity-formula",
            f"The candidate's perplexity is a power of {theirs}, the reference's of {ours}",
            found,
            "The training is not affected, but the number cannot be compared with any other.",
        )
    return _of_evaluations(
        case,
        "perplexity-formula",
        _PERPLEXITY,
        lambda values: sum(map(math.exp, values)) / len(values),
        "the mean of the perplexities of batches",
    )


def _of_evaluations(
    case: Case, identifier: str, words: tuple[str, ...], formula: Callable[[Sequence[float]], float], what: str
) -> Cause | None:
    """Numbers that only one side makes of its evaluation outputs by ``formula``."""
    if case.findings("output", "loss", "eval_output", "eval_forwards"):
        return None
    for outputs in case.pairs("eval_output"):
        for side, who in ((1, "candidate"), (0, "reference")):
            found = [
                one
                for one in _differing(case, *words)
                if _is_made_of(outputs[0], one[1][side], formula)
                and not _is_made_of(outputs[0], one[1][1 - side], formula)
            ]
            if found:
                return _printed(
                    case,
                    identifier,
                    f"The {who} prints {what} as {found[0][0].label!r}, and the other side does not",
                    found,
                    "The training is not affected; the number depends on the batch size of the evaluation.",
                )
    return None


def _differing(case: Case, *words: str) -> Iterator[Printed]:
    """Printed numbers called one of ``words`` that both sides print and that differ."""
    names = {one.name for finding in case.findings(LOG) for one in finding.measurements}
    for name in sorted(names):
        found, pair = number(name), case.pair(LOG, name)
        if found is not None and pair is not None and any(word in found.label for word in words):
            yield found, pair


def _printed(case: Case, identifier: str, title: str, found: list[Printed], consequence: str) -> Cause:
    names = {printed.name for printed, _ in found}
    return Cause(
        id=identifier,
        title=title,
        explains=explained(case, lambda one: one.channel.name == LOG and one.name in names),
        evidence=tuple(
            evidence.both(f"printed {printed.label!r}, {evidence.moment(int(pair[0].updates[0]))}", *_firsts(pair))
            for printed, pair in found
        ),
        consequence=consequence,
    )


def _firsts(pair: Pair) -> tuple[float, float]:
    """The first values that differ."""
    places = zip(pair[0].values.tolist(), pair[1].values.tolist(), strict=False)
    return next((values for values in places if values[0] != values[1]), (math.nan, math.nan))


def _is_of_one(losses: Pair, printed: Pair) -> bool:
    """Whether the second side prints the last micro-step's loss, on whatever common scale, and the first the sum."""
    points = 0
    for update in dict.fromkeys(printed[0].updates.tolist()):
        parts = losses[0].at(update).tolist()
        whole, last = (series.at(update).tolist()[:1] for series in printed)
        if len(parts) < _FEWEST or not whole or not last or not all(map(math.isfinite, (*parts, whole[0], last[0]))):
            continue
        digits = decimals(whole[0], last[0])
        scales = (1.0, float(len(parts)))
        if not any(
            rounds_to(whole[0], sum(parts) * scale / scales[-1], digits)
            and any(rounds_to(last[0], parts[-1] * one, digits) for one in scales)
            for scale in scales
        ):
            return False
        points += 1
    return points >= _FEWEST


def _is_of_interval(losses: Series, single: Series, mean: Series) -> bool:
    """Whether ``single`` is the loss of its updates, and ``mean`` their mean since the line before, on one scale."""
    updates = single.updates.tolist()
    if updates != mean.updates.tolist() or len(set(updates)) != len(updates):
        return False
    parts = {update: losses.at(update).tolist() for update in dict.fromkeys(losses.updates.tolist())}
    totals = {update: sum(values) for update, values in parts.items()}
    digits = decimals(*single.values.tolist(), *mean.values.tolist())
    points = []
    for at in range(1, len(updates)):
        covered = range(updates[at - 1] + 1, updates[at] + 1)
        if len(covered) > 1 and all(update in totals for update in covered):
            all_losses = [totals[update] for update in covered]
            points.append((all_losses[-1], float(single.values[at])))
            points.append((sum(all_losses) / len(covered), float(mean.values[at])))
    scales = (1.0, 1 / max(map(len, parts.values()), default=1))
    return len(points) >= 2 * _FEWEST and any(
        all(rounds_to(printed, loss * scale, digits) for loss, printed in points) for scale in scales
    )


def _is_made_of(outputs: Series, printed: Series, formula: Callable[[Sequence[float]], float]) -> bool:
    """Whether all printed numbers are ``formula`` of the same block of the outputs of the evaluation before them."""
    blocks: set[tuple[int, int]] | None = None
    updates = list(dict.fromkeys(printed.updates.tolist()))
    for update in updates:
        values, shown = outputs.at(update).tolist(), printed.at(update).tolist()
        if not 1 < len(values) <= _MOST or len(shown) != 1:
            return False
        digits = decimals(shown[0])
        fitting = {
            (start, stop)
            for start in range(len(values))
            for stop in range(start + _FEWEST, len(values) + 1)
            if rounds_to(shown[0], formula(values[start:stop]), digits)
        }
        blocks = fitting if blocks is None else blocks & fitting
    return len(updates) >= _FEWEST and bool(blocks)


def _base(pair: Pair) -> float | None:
    """The constant factor between the logarithms, if it is that between the bases e and 2."""
    points = list(zip(pair[0].values.tolist(), pair[1].values.tolist(), strict=False))
    if len(points) < _FEWEST or any(value <= 1 for values in points for value in values):
        return None
    factors = [math.log(theirs) / math.log(ours) for ours, theirs in points]
    for factor in (math.log(2), 1 / math.log(2)):
        if all(abs(one / factor - 1) < _CLOSE for one in factors):
            return factor
    return None
