"""Causes in figures that are made for a report alone: nothing that is trained, evaluated or saved differs."""

from collections.abc import Iterator
from itertools import combinations
from math import prod
from typing import Final

from parity.compare.measurement import Measurement
from parity.diagnose.case import Case, Pair
from parity.diagnose.library import evidence, printed, reported
from parity.diagnose.library.printout import LOG
from parity.diagnose.library.reach import VALUE, explained, measurements
from parity.diagnose.registry import Cause, Declared, rule
from parity.trace.channels import CHANNELS
from parity.trace.model import Series
from parity.trace.printed import decimals, number
from parity.trace.shapes import dimensions

_FIGURES: Final = frozenset({LOG, "metric"})
_THE_SAME: Final = ("batch", "loss", "gradient", "parameter", "optimizer_state", "eval_batch", "eval_output", "rng")
_FEWEST: Final = 2
_MOST: Final = 64
_CHANCE: Final = 0.02
_SCALES: Final = (1.0, 100.0)


@rule(
    "share-of-all-positions",
    needs=(LOG, "eval_batch_shape"),
    predicts="these printed numbers",
    advice="Compare which positions are counted, in the numerator and in the denominator: masked, padded and rare ones "
    "belong to neither.",
)
def share_of_all_positions(case: Case) -> Cause | None:
    """A printed share is one of all positions that are evaluated, on one side only.

    All printed values of one side times the positions are whole numbers, within the digits that are printed, and those
    of the other side are not.
    """
    shapes = next(iter(case.pairs("eval_batch_shape")), None)
    if shapes is None or not _is_all_reported(case):
        return None
    found: dict[str, tuple[str, int]] = {}
    for name, pair in _differing(case):
        for total, fits in _totals(shapes[0], pair):
            if fits[0] is not fits[1]:
                found.setdefault(name, ("reference" if fits[0] else "candidate", total))
    if not found:
        return None
    name, (side, total) = next(iter(found.items()))
    other = "reference" if side == "candidate" else "candidate"
    return Cause(
        id="share-of-all-positions",
        title=f"The {side} counts {_label(name)} over all {total} positions of an evaluation, and the {other} does not",
        explains=explained(case, lambda one: one.channel.name == LOG and one.name in found),
        evidence=(
            *_lines(case, found),
            f"times {total}, all numbers of the {side} are whole within their digits, and those of the {other} are not",
            _same(case),
        ),
        consequence="The training is not affected; the share cannot be compared with the reference's.",
    )


@rule(
    "size-before-rebuilding",
    needs=(LOG, "parameter_kind"),
    predicts="these printed numbers",
    advice="Read what is reported from the network as it is now, not from the options that the run began with.",
)
def size_before_rebuilding(case: Case) -> Cause | None:
    """The candidate reports a size that its parameters had before they were replaced, the reference the one they have.

    Both sides replace them by the same ones.
    """
    if not _is_all_reported(case):
        return None
    found = {one.name for one in _values(case) if _is_stale(case, one)}
    if not found:
        return None
    name = min(found)
    one = next(each for each in _values(case) if each.name == name)
    return Cause(
        id="size-before-rebuilding",
        title=f"The candidate reports a size of the network before it was rebuilt: {_whole(one.candidate)} in place of "
        f"{_whole(one.reference)}",
        explains=explained(case, lambda each: each.channel.name == LOG and each.name in found),
        evidence=(
            *_lines(case, found),
            f"both sides replace parameters of size {_whole(one.candidate)} by ones of size {_whole(one.reference)}",
            _same(case),
        ),
        consequence="The training is not affected; whoever builds a network by the report builds another one.",
    )


_SPECIFIC: Final[tuple[Declared[Case], ...]] = (
    printed.tokens_formula,
    printed.printed_loss_scale,
    printed.evaluation_one_split_twice,
    reported.printed_loss_of_one_micro_step,
    reported.printed_loss_of_interval,
    reported.evaluation_unweighted,
    reported.perplexity_formula,
    share_of_all_positions,
    size_before_rebuilding,
)


@rule(
    "figure-differs",
    needs=(LOG, "metric"),
    predicts="these figures, and nothing else",
    advice="Compare the formula of the figure, and which tensors, samples and positions it is made of.",
)
def figure_differs(case: Case) -> Cause | None:
    """Figures of a report are others, though all that they can be made of is the same throughout.

    What a more specific cause explains is left to it.
    """
    if not _is_all_reported(case) or not _same(case):
        return None
    known = {identifier for specific in _SPECIFIC if (cause := specific(case)) for identifier in cause.explains}
    left = [finding for finding in case.judgement.gating if finding.id not in known]
    if not left:
        return None
    ones = list(dict.fromkeys(finding.first for finding in left))
    more = f" and {evidence.plural(len(left) - 1, 'more figure')}" if len(left) > 1 else ""
    return Cause(
        id="figure-differs",
        title=f"The candidate computes {_label(ones[0].name)}{more} otherwise, from the same training",
        explains=tuple(finding.id for finding in left),
        evidence=(*evidence.lines(*ones[:_FEWEST]), _same(case)),
        consequence="The training is not affected; whoever decides by this figure decides otherwise.",
    )


def _is_all_reported(case: Case) -> bool:
    """Whether all that differs are figures of reports, printed or tracked on both sides."""
    return bool(case.judgement.gating) and all(
        finding.channel.name in _FIGURES and all(one.difference in VALUE for one in finding.measurements)
        for finding in case.judgement.gating
    )


def _values(case: Case) -> list[Measurement]:
    return measurements(case, LOG, differences=VALUE)


def _differing(case: Case) -> Iterator[tuple[str, Pair]]:
    for name in sorted({one.name for one in _values(case)}):
        pair = case.pair(LOG, name)
        if pair is not None and pair[0].updates.tolist() == pair[1].updates.tolist():
            yield name, pair


def _totals(shapes: Series, pair: Pair) -> Iterator[tuple[int, tuple[bool, bool]]]:
    """Positions in runs of consecutive batches of the first evaluation, and of which sides all numbers are shares.

    Left out are runs of which numbers may well be shares by chance: long ones, with few printed digits.
    """
    updates = sorted(set(pair[0].updates.tolist()))
    sizes = [[prod(dimensions(text) or (0,)) for text in shapes.at(update).tolist()] for update in updates]
    sides = [series.values.tolist() for series in pair]
    digits = decimals(*sides[0], *sides[1])
    scale = next((one for one in _SCALES if all(0 <= value <= one for side in sides for value in side)), 0.0)
    length = len(sizes[0]) if len({len(each) for each in sizes}) == 1 else 0
    if not scale or length > _MOST or any(len(side) != len(updates) for side in sides):
        return
    unit = 10.0**-digits / scale
    for start, stop in combinations(range(length + 1), 2):
        totals = [sum(each[start:stop]) for each in sizes]
        ours, theirs = (_is_share([value / scale for value in side], totals, unit) for side in sides)
        # nothing and everything are shares of any number
        telling = {value for value in sides[0 if ours else 1] if value not in (0.0, scale)}
        chance = (totals[0] * unit) ** len(telling) * length**2
        if len(telling) >= _FEWEST and chance <= _CHANCE:
            yield totals[0], (ours, theirs)


def _is_share(values: list[float], totals: list[int], unit: float) -> bool:
    """Whether all ``values``, printed in steps of ``unit``, are whole numbers of ``totals``."""
    places = ((value * total, total * unit) for value, total in zip(values, totals, strict=True))
    return all(abs(hits - round(hits)) <= 0.5000001 * width for hits, width in places)


def _is_stale(case: Case, one: Measurement) -> bool:
    ours, theirs = _whole(one.reference), _whole(one.candidate)
    now: set[int] = set()
    is_replaced = False
    for reference, _ in case.pairs("parameter_kind"):
        # what is built between two updates is seen when it is first called, in the next one
        seen = [
            dimensions(reference.python(place)) or ()
            for place, update in enumerate(reference.updates.tolist())
            if update <= one.update + 1
        ]
        now.update(*seen[-1:])
        is_replaced |= any(ours in seen[-1] and theirs in before for before in seen[:-1])
    return is_replaced and None not in (ours, theirs) and theirs not in now


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _label(name: str) -> str:
    found = number(name)
    if found is None:
        return repr(name)
    return repr(found.label if any(map(str.isalpha, found.label)) else found.template)


def _lines(case: Case, names: set[str] | dict[str, tuple[str, int]]) -> tuple[str, ...]:
    return evidence.lines(*(one for one in _values(case) if one.name in names))[:_FEWEST]


def _same(case: Case) -> str:
    """What was compared and never differs, in words; empty where there is nothing."""
    apart = {one.channel.name for one in case.judgement.comparison.measurements}  # those within the noise too
    titles = [CHANNELS[name].title for name in _THE_SAME if name not in apart and case.pairs(name)]
    return f"the same throughout: {'; '.join(titles)}" if titles else ""
