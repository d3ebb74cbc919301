"""Modules are aligned by the parameters that they hold."""

import pytest

from parity.align.modules import align_modules


@pytest.mark.parametrize(
    ("parameters", "modules"),
    [
        ({}, {}),
        ({"h.0.c_fc.weight": "h.0.up.weight"}, {"h.0.up": "h.0.c_fc"}),
        (
            {"t.h.0.mlp.c_fc.weight": "b.0.ff.up.weight", "t.h.0.mlp.c_fc.bias": "b.0.ff.up.bias"},
            {"b.0.ff.up": "t.h.0.mlp.c_fc", "b.0.ff": "t.h.0.mlp", "b.0": "t.h.0", "b": "t.h"},
        ),
        ({"module.a.weight": "module.b.weight"}, {"b": "a"}),
        ({"weight": "bias"}, {"bias": "weight"}),
        # Two of three say that x is a.
        (
            {"a.one.w": "x.one2.w", "a.two.w": "x.two2.w", "c.three.w": "x.three2.w"},
            {"x": "a", "x.one2": "a.one", "x.two2": "a.two", "x.three2": "c.three"},
        ),
    ],
)
def test_what_holds_the_same_parameters_stands_for_each_other(
    parameters: dict[str, str], modules: dict[str, str]
) -> None:
    assert align_modules(parameters) == modules
