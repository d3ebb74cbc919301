"""One number per update, and how one such curve follows from another."""

import math
from typing import Final

from parity.trace.model import Series

Curve = dict[int, float]

_EXACT: Final = 1e-12
_FIT: Final = 1e-9
_FEWEST: Final = 3
# The bend of a cosine that is a thousand times longer than what is seen of it drowns in round-off.
_LONGEST: Final = 1000


def curve(series: Series) -> Curve:
    """The first value of each update."""
    found: Curve = {}
    for update, value in zip(series.updates.tolist(), series.values.tolist(), strict=True):
        found.setdefault(int(update), float(value))
    return found


def same(one: float, other: float) -> bool:
    """Whether two numbers are equal but for the order of their arithmetic."""
    return one == other or math.isclose(one, other, rel_tol=_EXACT, abs_tol=0.0)


def constant(values: Curve) -> bool:
    """Whether all values are the same."""
    return len(set(values.values())) <= 1


def follows(reference: Curve, candidate: Curve, *, shift: int = 0, factor: int = 1) -> int:
    """Number of points at which candidate(t) = reference(factor t + shift); 0 unless it holds at all common ones.

    At least three points, not all alike, are needed: fewer fit by chance.
    """
    places = {update: factor * update + shift for update in candidate}
    common = [(candidate[update], reference[place]) for update, place in places.items() if place in reference]
    if len(common) < _FEWEST or len({value for value, _ in common}) == 1:
        return 0
    return len(common) if all(same(value, other) for value, other in common) else 0


def parting(reference: Curve, candidate: Curve) -> int | None:
    """The first common update at which the curves differ."""
    return next((u for u in sorted(reference.keys() & candidate.keys()) if not same(reference[u], candidate[u])), None)


def slope(values: Curve) -> float | None:
    """The rise per update, if the first points rise along a straight line."""
    points = [values[update] for update in sorted(values)][:_FEWEST]
    if len(points) < _FEWEST:
        return None
    one, two = points[1] - points[0], points[2] - points[1]
    return one if one > 0 and math.isclose(one, two, rel_tol=1e-6) else None


def cosine(values: Curve) -> tuple[float, float] | None:
    """Length in updates and final value of the cosine along which ``values`` decay from their peak; None if none fits.

    Neighbours of a sampled cosine around the level c satisfy y(t+1) + y(t-1) = 2 cos(h) y(t) + 2 c (1 - cos(h)), a
    straight line, from which the step h and the level follow without knowing the end.
    """
    decay = _decay(values)
    if len(decay) < _FEWEST + 2 or decay[0] <= 0:
        return None
    scaled = [value / decay[0] for value in decay]
    inner = scaled[1:-1]
    sums = [before + after for before, after in zip(scaled[:-2], scaled[2:], strict=True)]
    middle, mean = sum(inner) / len(inner), sum(sums) / len(sums)
    spread = sum((x - middle) ** 2 for x in inner)
    factor = sum((x - middle) * (y - mean) for x, y in zip(inner, sums, strict=True)) / spread
    rest = mean - factor * middle
    if not -2 < factor < 2 or any(abs(factor * x + rest - y) > _FIT for x, y in zip(inner, sums, strict=True)):
        return None
    length = math.pi / math.acos(factor / 2)
    if length > _LONGEST * len(decay):
        return None
    final = (2 * rest / (2 - factor) - 1) * decay[0]
    return length, final


def _decay(values: Curve) -> list[float]:
    """The values from the peak on, as long as they fall."""
    points = [values[update] for update in sorted(values)]
    start = max(range(len(points)), key=points.__getitem__, default=0)
    end = start + 1
    while end < len(points) and points[end] < points[end - 1]:
        end += 1
    return points[start:end]
