"""One curve as SVG text: both sides over each other, the noise around the reference, the difference below.

The colours are readable on white and on black, because a picture does not know what page it stands on. The reference is
a solid line and the candidate a dashed one: nobody needs the colours.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from parity.report.charts.axes import Scale, decades, extent, short, ticks
from parity.report.curves import Curve
from parity.report.decimation import Floats
from parity.report.wording import shorten, visible

_WIDE: Final = 760
_TALL: Final = 330
_LEFT: Final = 76.0
_RIGHT: Final = 746.0
_TOP, _BOTTOM = 46.0, 216.0
_STRIP_TOP, _STRIP_BOTTOM = 246.0, 302.0
_LONGEST: Final = 80
_BUCKETS: Final = 160
_DOTS: Final = 60
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#768390}"
    ".title{font-size:14px;font-weight:bold}"
    ".frame{fill:none;stroke:#768390;stroke-opacity:.5}"
    ".rule{stroke:#768390;stroke-opacity:.25}"
    ".band{fill:#768390;fill-opacity:.25}"
    ".reference{fill:none;stroke:#2f81f7;stroke-width:2.6}"
    ".candidate{fill:none;stroke:#d9730d;stroke-width:1.6;stroke-dasharray:6 3}"
    ".dot{stroke:none}.dot.reference{fill:#2f81f7}.dot.candidate{fill:#d9730d}"
    ".difference{stroke:#e5534b;stroke-width:1.4;fill:none}"
    ".floor{stroke:#768390;fill:none;stroke-dasharray:2 2}"
    ".first{stroke:#e5534b;stroke-dasharray:1 2}"
)


def draw(curve: Curve) -> str:
    """Draw ``curve``, of many values those that shape it; the same curve always gives the same bytes."""
    shown = curve.decimated(_BUCKETS)
    x = Scale(*_ends(shown.x), _LEFT + 4, _RIGHT - 4)
    title = visible(shorten(curve.title, _LONGEST))
    body = [
        *_heading(shown, title),
        *_axes(shown, x),
        *_sides(shown, x),
        *_strip(shown, x),
        *_first(shown, x),
    ]
    size = f'viewBox="0 0 {_WIDE} {_TALL}" width="{_WIDE}" xmlns="http://www.w3.org/2000/svg"'
    head = f'<svg aria-label={quoteattr(title)} height="{_TALL}" role="img" {size}>'
    return "\n".join([head, f"<style>{_STYLE}</style>", *body, "</svg>", ""])


def _ends(xs: Floats) -> tuple[float, float]:
    low, high = (float(xs[0]), float(xs[-1])) if len(xs) else (0.0, 1.0)
    return low, high if high > low else low + 1


def _heading(curve: Curve, title: str) -> Iterator[str]:
    yield _text(_LEFT, 18, title, kind="title")
    yield f'<path class="reference" d="M{_LEFT:g} 32h24"/>'
    yield _text(_LEFT + 30, 36, "reference")
    if not curve.is_equal:
        yield f'<path class="candidate" d="M{_LEFT + 110:g} 32h24"/>'
        yield _text(_LEFT + 140, 36, "candidate")
    if curve.floor is not None:
        yield f'<path class="band" d="M{_LEFT + 220:g} 26h24v11h-24z"/>'
        yield _text(_LEFT + 250, 36, "ten times the noise floor")


def _axes(curve: Curve, x: Scale) -> Iterator[str]:
    y = _values(curve)
    for value in ticks(y.low, y.high, 6):
        yield f'<path class="rule" d="M{_LEFT:g} {y(value):.1f}H{_RIGHT:g}"/>'
        yield _text(_LEFT - 6, y(value) + 4, short(value), anchor="end")
    for value in ticks(x.low, x.high, 8):
        if value.is_integer():
            yield _text(x(value), _BOTTOM + 17, f"{int(value):,}", anchor="middle")
    yield _frame(_TOP, _BOTTOM)
    yield _frame(_STRIP_TOP, _STRIP_BOTTOM)
    yield _text(_LEFT, _STRIP_BOTTOM + 18, "size of the difference, logarithmic, by update")


def _values(curve: Curve) -> Scale:
    return Scale(*extent(np.concatenate([curve.reference, curve.candidate])), _BOTTOM, _TOP)


def _sides(curve: Curve, x: Scale) -> Iterator[str]:
    y, xs = _values(curve), [x(one) for one in curve.x]
    if curve.floor is not None:
        yield f'<path class="band" d="{_band(curve, xs, y)}"/>'
    sides = [("reference", curve.reference, 3.0), ("candidate", curve.candidate, 2.0)][: 1 if curve.is_equal else 2]
    for name, values, _ in sides:
        yield f'<path class="{name}" d="{_line(xs, values, y)}"/>'
    for name, values, radius in sides if len(xs) <= _DOTS else ():
        for place, value in zip(xs, values, strict=True):
            if math.isfinite(value):
                yield f'<circle class="dot {name}" cx="{place:.1f}" cy="{y(value):.1f}" r="{radius:g}"/>'
    for row, (name, values, _) in enumerate(sides):
        present = curve.has_reference if name == "reference" else curve.has_candidate
        odd = np.flatnonzero(present & ~np.isfinite(values))
        if len(odd):
            where = f"{name} is {values[odd[0]]} from update {curve.updates[odd[0]]}"
            yield _text(_RIGHT - 6, _TOP + 16 + 15 * row, where, anchor="end")


def _band(curve: Curve, xs: Sequence[float], y: Scale) -> str:
    """The noise around the reference, cut off where the chart ends."""
    assert curve.floor is not None
    known = np.flatnonzero(np.isfinite(curve.floor) & np.isfinite(curve.reference))
    reach = [(xs[int(at)], curve.reference[at], curve.floor[at]) for at in known]
    upper = [f"{at:.1f} {_inside(y(value + floor)):.1f}" for at, value, floor in reach]
    lower = [f"{at:.1f} {_inside(y(value - floor)):.1f}" for at, value, floor in reversed(reach)]
    return f"M{'L'.join([*upper, *lower])}Z" if upper else ""


def _inside(height: float) -> float:
    return min(max(height, _TOP), _BOTTOM)


def _strip(curve: Curve, x: Scale) -> Iterator[str]:
    sizes = np.abs(curve.difference)
    range_of = decades(sizes, curve.floor)
    if range_of is None:
        yield _text((_LEFT + _RIGHT) / 2, 278, _sizeless(curve), anchor="middle")
        return
    y = Scale(*range_of, _STRIP_BOTTOM - 4, _STRIP_TOP + 4)
    xs = [x(one) for one in curve.x]
    bars = [(xs[int(at)], y(math.log10(sizes[at]))) for at in np.flatnonzero((sizes > 0) & np.isfinite(sizes))]
    yield f'<path class="difference" d="{"".join(f"M{at:.1f} {_STRIP_BOTTOM:g}V{top:.1f}" for at, top in bars)}"/>'
    if curve.floor is not None:
        known = np.isfinite(curve.floor) & (curve.floor > 0)
        logs = np.log10(np.where(known, curve.floor, 1.0))
        yield f'<path class="floor" d="{_line(xs, np.where(known, logs, np.nan), y)}"/>'
    yield _text(_LEFT - 6, _STRIP_TOP + 11, short(10.0 ** range_of[1]), anchor="end")
    yield _text(_LEFT - 6, _STRIP_BOTTOM, short(10.0 ** range_of[0]), anchor="end")


def _sizeless(curve: Curve) -> str:
    return "no difference" if curve.is_equal else "differences without a size: a value is absent or no number"


def _first(curve: Curve, x: Scale) -> Iterator[str]:
    if curve.first >= 0:
        at = x(float(curve.x[curve.first]))
        yield f'<path class="first" d="M{at:.1f} {_TOP:g}V{_STRIP_BOTTOM:g}"/>'
        where = f"first difference: update {curve.updates[curve.first]}"
        yield _text(_RIGHT, 36, where, anchor="end")


def _line(xs: Sequence[float], values: Floats, y: Callable[[float], float]) -> str:
    parts: list[str] = []
    pen = "M"
    for at, value in zip(xs, values, strict=True):
        if math.isfinite(value):
            parts.append(f"{pen}{at:.1f} {y(float(value)):.1f}")
        pen = "L" if math.isfinite(value) else "M"
    return "".join(parts)


def _frame(top: float, bottom: float) -> str:
    return f'<path class="frame" d="M{_LEFT:g} {top:g}H{_RIGHT:g}V{bottom:g}H{_LEFT:g}Z"/>'


def _text(x: float, y: float, content: str, *, anchor: str = "", kind: str = "") -> str:
    named = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(content)}</text>'
