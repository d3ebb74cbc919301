"""Causes in what is printed: the number is not what the line says it is."""

from itertools import combinations
from math import prod
from typing import Final

from parity.compare.measurement import Difference, Measurement
from parity.diagnose.case import Case, ratio
from parity.diagnose.library import evidence
from parity.diagnose.library.occasions import beginning, disturbance, evaluations
from parity.diagnose.library.printout import LOG, multiplied, printed_numbers, scales
from parity.diagnose.library.reach import VALUE, explained, measurements
from parity.diagnose.registry import Cause, rule
from parity.trace.model import Series
from parity.trace.printed import Number, number

_LOSS: Final = "loss"

Twins = tuple[Number, Number]


@rule(
    "tokens-formula",
    needs=("log_value", "tokens"),
    predicts="printed numbers of tokens with that factor",
    advice="Tokens per update are micro-steps x world size x batch size x sequence length.",
)
def tokens_formula(case: Case) -> Cause | None:
    """A printed number of tokens differs by N, W or N x W, while the data that is consumed is the same."""
    if case.findings("tokens", "micro_steps", "batch_shape"):
        return None
    factors = _factors(case)
    predicts = multiplied([scale for factor in factors for scale in (factor, 1 / factor)], "token")
    found = [one for one in measurements(case, LOG, differences=VALUE) if predicts(one) and _is_constant(case, one)]
    if not found:
        return None
    lines = []
    for one in found:
        printed = number(one.name)
        assert printed is not None
        assert isinstance(one.reference, float)
        assert isinstance(one.candidate, float)
        factor = max(one.reference / one.candidate, one.candidate / one.reference)
        deed = "left out" if one.candidate < one.reference else "counted once too often"
        meaning = next(text for known, text in factors.items() if abs(factor / known - 1) < 1e-9)
        lines += [
            evidence.both(
                f"printed as {printed.template!r}, {evidence.moment(one.update)}", one.reference, one.candidate
            ),
            f"the factor {factor:g} that is {deed} is {meaning}",
        ]
    return Cause(
        id="tokens-formula",
        title="The candidate prints another number of tokens than it consumes",
        explains=explained(case, lambda one: one in found),
        evidence=(*dict.fromkeys(lines), "both sides consume the same amount of data in every update"),
        consequence="The training is not affected, but the size of an update is reported wrongly, and so is everything "
        "that people derive from it.",
    )


@rule(
    "printed-loss-scale",
    needs=("log_value", "loss"),
    predicts="printed losses with that factor",
    advice="The loss of a micro-step is divided once for backward and multiplied once for printing.",
)
def printed_loss_scale(case: Case) -> Cause | None:
    """A printed loss is N or W times too large or too small, while the loss itself is the same."""
    if case.findings("output", "loss", "eval_output"):
        return None
    factors = {scale: text for factor, text in _factors(case).items() for scale in (factor, 1 / factor)}
    found: dict[str, tuple[Number, float]] = {}
    for one in measurements(case, LOG, differences=VALUE):
        printed, pair = number(one.name), case.pair(LOG, one.name)
        if printed is None or pair is None or _LOSS not in printed.label:
            continue
        factor = next((factor for factor in factors if scales(pair, factor)), None)
        if factor is not None:
            found[one.name] = printed, factor
    if not found:
        return None
    lines = [
        line
        for printed, factor in found.values()
        for line in (_printed(case, printed), f"the ratio {factor:g} is that of {factors[factor]}")
    ]
    return Cause(
        id="printed-loss-scale",
        title="The candidate prints the loss on another scale than it trains with",
        explains=explained(case, lambda one: one.channel.name == LOG and one.name in found),
        evidence=(*lines, "the loss that is differentiated is the same"),
        consequence="The training is not affected, but its loss curve cannot be compared with any other.",
    )


def _is_constant(case: Case, one: Measurement) -> bool:
    """Whether the factor is the same wherever the number is printed: one of a rate may be a whole number by chance."""
    pair = case.pair(LOG, one.name)
    return pair is not None and ratio(pair) is not None


def _factors(case: Case) -> dict[int, str]:
    """Numbers by which a wrong formula may be off, and what each of them is, the simplest meaning first."""
    parts = [("the number of micro-steps", case.micro_steps()[0]), ("the world size", case.worlds()[0])]
    known: dict[int, str] = {}
    for size in range(1, len(parts) + 1):
        for chosen in combinations(parts, size):
            factor = prod(value for _, value in chosen)
            known.setdefault(factor, " times ".join(text for text, _ in chosen))
    return {factor: text for factor, text in known.items() if factor > 1}


@rule(
    "evaluation-one-split-twice",
    needs=("log_value",),
    predicts="these printed numbers, and the evaluations that are not made",
    advice="Compare what is passed to the line that prints the losses, and which splits are estimated.",
)
def evaluation_one_split_twice(case: Case) -> Cause | None:
    """A line with two losses shows one number twice in the candidate, and two in the reference."""
    twins = [found for found in _loss_pairs(case) if _shown_twice(case, found)]
    if not twins:
        return None
    fewer = _fraction(case)
    wrong, right = twins[0]
    names = {label.name for label, _ in twins}
    start = beginning(case, Difference.MISSING) if fewer > 1 else None
    lines = [_printed(case, label) for label in twins[0]]
    if fewer > 1:
        lines.append(f"the candidate evaluates 1/{fewer} as many batches as the reference, at every evaluation")
    return Cause(
        id="evaluation-one-split-twice",
        title=f"The candidate prints {right.label!r} under the name {wrong.label!r} as well",
        explains=explained(
            case,
            lambda one: one.channel.name == LOG and one.name in names,
            *(disturbance(start) if start is not None else ()),
            since=start,
        ),
        evidence=tuple(lines),
        consequence=f"{wrong.label.capitalize()} is never "
        f"{'estimated' if fewer > 1 else 'reported'}: overfitting cannot be seen.",
    )


def _fraction(case: Case) -> int:
    """The whole number by which the reference evaluates more, at every evaluation; 1 if there is none."""
    ours, theirs = evaluations(case)
    if not theirs or ours.keys() != theirs.keys():
        return 1
    fractions = {ours[update] / theirs[update] for update in ours}
    fraction = fractions.pop()
    return int(fraction) if not fractions and fraction.is_integer() else 1


def _loss_pairs(case: Case) -> list[Twins]:
    """Pairs of losses that stand in one line, in both orders."""
    losses = [found for found in printed_numbers(case) if _LOSS in found.label]
    return [(one, other) for one in losses for other in losses if one != other and one.template == other.template]


def _shown_twice(case: Case, twins: Twins) -> bool:
    """Whether the candidate always shows the second number in both places, and the reference does not."""
    wrong, right = (case.pair(LOG, label.name) for label in twins)
    if wrong is None or right is None:
        return False
    same = wrong[1].values.tolist() == right[1].values.tolist()
    # The number that is right on both sides is the one that stands twice.
    return same and wrong[0].values.tolist() != right[0].values.tolist() and _agree(right[0], right[1])


def _agree(ours: Series, theirs: Series) -> bool:
    return bool(len(ours)) and bool(len(theirs)) and ours.python(0) == theirs.python(0)


def _printed(case: Case, label: Number) -> str:
    pair = case.pair(LOG, label.name)
    assert pair is not None
    what = f"printed {label.label!r}, {evidence.moment(int(pair[0].updates[0]))}"
    return evidence.both(what, pair[0].python(0), pair[1].python(0))
