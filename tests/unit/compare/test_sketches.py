"""The estimate that a difference of two digests gets where both sides were sketched."""

from dataclasses import replace

import numpy as np
import pytest

from parity.compare.engine import compare
from tests.unit.compare.trace_builder import parameters, process, series, trace


class Held:
    """Sketches by place, without a file."""

    def __init__(self, **places):
        self.places = places

    def get(self, channel, name, update, ordinal):
        return self.places.get(f"{channel}_{name}_{update}_{ordinal}")


def sketch(*values, elements=9):
    return elements, np.array(values, dtype=np.float32)


def side(name, content, held, *, initial=1):
    recorded = process(*parameters({name: initial}), series("parameter", content, name))
    return trace(replace(recorded, sketches=held))


@pytest.mark.parametrize(
    ("ours", "theirs", "estimate"),
    [
        (sketch(3, 4), sketch(3, 4.5), 0.1),
        (sketch(3, 4), sketch(3, 4), 0.0),
        (sketch(3, 4), None, None),
        (None, sketch(3, 4), None),
        (sketch(3, 4), sketch(3, 4, elements=8), None),
        (sketch(0, 0), sketch(3, 4), None),
        (sketch(3, 4), sketch(3, float("inf")), None),
    ],
)
def test_the_first_difference_is_estimated(ours, theirs, estimate):
    """The candidate calls the parameter by another name; the difference is at update 1."""
    reference = side("w", [1, 2, 3], Held(parameter_w_1_0=ours))
    candidate = side("module.w", [1, 5, 6], Held(**{"parameter_module.w_1_0": theirs}))
    (one,) = compare(reference, candidate).measurements
    assert (one.channel.name, one.update, one.relative) == ("parameter", 1, None)
    assert one.estimate == (None if estimate is None else pytest.approx(estimate))


def test_nothing_is_estimated_without_sketches():
    reference, candidate = (side("w", content, None) for content in ([1], [2]))
    assert [one.estimate for one in compare(reference, candidate).measurements] == [None]


def test_what_is_missing_has_no_distance():
    held = Held(parameter_w_1_0=sketch(1.0))
    (one,) = compare(side("w", [1, 2], held), side("w", [1], held)).measurements
    assert (one.difference.value, one.estimate) == ("missing", None)
