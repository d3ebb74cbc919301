"""What two close-ups show, built by hand: tensors are words, and equal words are equal tensors."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.compare.flow import first_parting, flowing_into
from parity.compare.zoom import compare_closeups
from parity.compare.zoom_model import Direction, Manner
from parity.trace.channels import Phase
from parity.trace.zoom import OUTSIDE, Call, Closeup, Content, Gradient, MicroStep, Operation, Parameter


def op(name: str, inputs: str, outputs: str, module: str = "m", **literals: str) -> Operation:
    return Operation(
        name=name, module=module, literals=literals, inputs=tuple(inputs.split()), outputs=tuple(outputs.split())
    )


def contents(words: str) -> tuple[Content, ...]:
    return tuple(Content(word, "float32[2]", 1.0) for word in words.split())


def call(path: str, inputs: str, outputs: str, kind: str = "Layer", depth: int = 1) -> Call:
    return Call(
        path=path,
        kind=kind,
        arguments="",
        depth=depth,
        is_root=depth == 0,
        inputs=contents(inputs),
        outputs=contents(outputs),
    )


def step(forward=(), calls=(), loss="loss", gradient="grad", backward=(), weight="w") -> MicroStep:
    return MicroStep(
        number=0,
        parameters={"weight": Parameter(content=Content(weight, "float32[2, 2]"), transposed=f"{weight}^T")},
        calls=list(calls),
        forward=list(forward),
        losses=list(contents(loss)),
        gradients=[Gradient(path="m", position=0, content=Content(f"at m {gradient}", "float32[2]", 1.0))],
        backward=list(backward),
        parameter_gradients={"weight": Content(gradient, "float32[2, 2]")},
        is_complete=True,
    )


def closeup(*steps: MicroStep, **changes) -> Closeup:
    return replace(Closeup(update=0, rank=0, digest="xxh3-64", micro_steps=steps), **changes)


def seen(reference: MicroStep, candidate: MicroStep):
    return compare_closeups(closeup(reference), closeup(candidate), update=0)


FUSED = (op("addmm", "x w b", "h"), op("gelu", "h", "g", approximate="none"), op("sum", "g", "loss"))


def test_an_operation_with_other_arguments_is_found() -> None:
    other = (FUSED[0], op("gelu", "h", "g2", approximate="tanh"), op("sum", "g2", "loss2"))
    zoom = seen(step(FUSED), step(other, loss="loss2"))
    assert (zoom.direction, zoom.operation.manner) == (Direction.FORWARD, Manner.CHANGED)
    assert [(one.name, one.reference, one.candidate) for one in zoom.operation.changes] == [
        ("approximate", "none", "tanh")
    ]


def test_a_detour_to_the_same_result_is_not_taken_for_the_defect() -> None:
    split = (
        op("mm", "x w", "detour"),
        op("add", "detour b", "h"),
        op("gelu", "h", "g2", approximate="tanh"),
        op("sum", "g2", "loss2"),
    )
    for reference, candidate, losses in ((FUSED, split, ("loss", "loss2")), (split, FUSED, ("loss2", "loss"))):
        zoom = seen(step(reference, loss=losses[0]), step(candidate, loss=losses[1]))
        assert zoom.operation.reference.name == "gelu"


@pytest.mark.parametrize(
    ("ours", "theirs", "manner", "names"),
    [
        (("add", "sum"), ("sum",), Manner.MISSING, ("add", None)),
        (("sum",), ("mul", "sum"), Manner.EXTRA, (None, "mul")),
        (("relu", "sum"), ("gelu", "sum"), Manner.REPLACED, ("relu", "gelu")),
        (("draw", "sum"), ("draw", "sum"), Manner.OTHER_RESULT, ("draw", "draw")),
    ],
)
def test_manner(ours, theirs, manner, names) -> None:
    def chain(operations: tuple[str, ...], side: str) -> MicroStep:
        made, given = [], "x"
        for name in operations:
            made.append(op(name, given, f"{name} of {side}".replace(" ", "-")))
            given = made[-1].outputs[0]
        return step(made, loss=given)

    found = seen(chain(ours, "reference"), chain(theirs, "candidate")).operation
    assert found.manner is manner
    assert tuple(one and one.name for one in (found.reference, found.candidate)) == names


def test_the_innermost_module_is_named_and_its_counterpart_found_under_another_name() -> None:
    other = (FUSED[0], op("gelu", "h", "g2", approximate="tanh"), op("sum", "g2", "loss2"))
    ours = [call("block.act", "h", "g", "GELU", 2), call("block", "x", "g", "Block", 1)]
    theirs = [call("layer.activation", "h", "g2", "GELU", 2), call("layer", "x", "g2", "Layer", 1)]
    zoom = seen(step(FUSED, ours), step(other, theirs, loss="loss2"))
    assert (zoom.module.path, zoom.counterpart.path) == ("block.act", "layer.activation")
    without = seen(step(FUSED, ours), step(other, theirs[1:], loss="loss2"))
    assert (without.module.path, without.counterpart) == ("block.act", None)


def test_losses_that_are_equal_by_rounding_do_not_hide_the_forward() -> None:
    ours = step(FUSED, [call("", "x", "g", depth=0)])
    other = (FUSED[0], op("gelu", "h", "g2", approximate="tanh"), op("sum", "g2", "loss"))
    zoom = seen(ours, step(other, [call("", "x", "g2", depth=0)], gradient="other"))
    assert (zoom.direction, zoom.operation.reference.name) == (Direction.FORWARD, "gelu")


def test_a_backward_is_looked_at_only_when_the_forward_is_equal() -> None:
    ours = step(FUSED, backward=[op("layer_norm_backward", "loss", "grad", mask="[True]")])
    theirs = step(FUSED, backward=[op("layer_norm_backward", "loss", "grad2", mask="[False]")], gradient="grad2")
    zoom = seen(ours, theirs)
    assert zoom.direction is Direction.BACKWARD
    assert (zoom.operation.changes[0].name, zoom.gradient.path, zoom.gradient.without) == ("mask", "m", ())
    theirs.parameter_gradients.clear()
    assert seen(ours, theirs).gradient.without == ("weight",)


def test_parameters_are_named_first() -> None:
    turned = step(loss="other", weight="w^T")
    zoom = seen(step(), turned)
    assert zoom.direction is Direction.PARAMETERS
    assert [(one.name, one.is_transposed) for one in zoom.parameters] == [("weight", True)]
    assert [one.is_transposed for one in seen(step(), step(weight="v")).parameters] == [False]


@pytest.mark.parametrize(
    ("reference", "candidate", "said"),
    [
        (None, closeup(), "no close-up of the reference"),
        (closeup(), None, "no close-up of the candidate"),
        (closeup(), closeup(digest="blake2b-64"), "different digest algorithms"),
        (closeup(step()), closeup(), "no micro-step 0"),
        (closeup(step()), closeup(step()), "does not show again"),
        (closeup(step()), closeup(step(), is_eager=True), "does not show in eager execution"),
        (closeup(step()), closeup(step(), faults=("aten.odd: no",)), "stopped watching the candidate: aten.odd: no"),
    ],
)
def test_what_is_not_compared_is_said(reference, candidate, said) -> None:
    zoom = compare_closeups(reference, candidate, update=0)
    assert zoom.direction is Direction.NONE
    assert said in "; ".join(zoom.remarks)


def test_different_inputs_are_said_to_be_the_reason() -> None:
    zoom = seen(step([op("sum", "x", "loss")]), step([op("sum", "y", "loss2")], loss="loss2"))
    assert zoom.operation is None
    assert "what they are given differs" in zoom.remarks[0]


CHAINS = st.lists(
    st.tuples(st.lists(st.integers(0, 9), max_size=3), st.lists(st.integers(0, 9), min_size=1, max_size=2)), max_size=12
)


@given(CHAINS, st.sets(st.integers(0, 9)), st.integers(0, 9))
def test_what_parts_has_known_inputs_and_an_unknown_output_that_matters(chain, known, result) -> None:
    nodes = [
        op("any", " ".join(f"t{one}" for one in inputs), " ".join(f"t{one}" for one in outputs))
        for inputs, outputs in chain
    ]
    held = frozenset(f"t{one}" for one in known)
    matter = flowing_into([f"t{result}"], nodes, held)
    assert matter.isdisjoint(held)
    found = first_parting(nodes, held, matter)
    if found is not None:
        assert held.issuperset(found.inputs)
        assert not matter.isdisjoint(found.outputs)
    if result in known:
        assert found is None


FOLLOWED = (op("gelu", "x", "out", approximate="none"), op("div", "out", "loss", module=OUTSIDE, other="4"))
FOLLOWING = (op("gelu", "x", "out2", approximate="tanh"), op("div", "out", "loss2", module=OUTSIDE, other="1"))
"""The candidate was given the reference's output, so its loss is one of its own making."""
BACKWARDS = (op("mul", "arrived", "g"), op("gelu_backward", "g", "grad", approximate="none"))
BACKWARDS_OF_CANDIDATE = (op("mul", "arrived", "g"), op("gelu_backward", "g", "grad2", approximate="tanh"))


@pytest.mark.parametrize(
    ("phase", "direction", "operation"),
    [
        (Phase.FORWARD, Direction.FORWARD, "gelu"),
        (Phase.LOSS, Direction.FORWARD, "div"),
        (Phase.BACKWARD, Direction.BACKWARD, "gelu_backward"),
    ],
)
def test_each_phase_that_was_given_equal_values_is_looked_at_by_itself(
    phase: Phase, direction: Direction, operation: str
) -> None:
    model, other = (call("", "x", out, kind="Model", depth=0) for out in ("out", "out2"))
    ours = step(FOLLOWED, [model], backward=BACKWARDS)
    theirs = step(FOLLOWING, [other], loss="loss2", gradient="grad2", backward=BACKWARDS_OF_CANDIDATE)
    zoom = compare_closeups(closeup(ours), closeup(theirs), update=0, phase=phase)
    assert (zoom.direction, zoom.operation.manner) == (direction, Manner.CHANGED)
    assert zoom.operation.reference.name == operation
    equal = compare_closeups(closeup(ours), closeup(ours), update=0, phase=phase)
    assert equal.direction is Direction.NONE


def test_the_gradient_that_arrives_at_the_model_is_the_losss_and_not_the_backwards() -> None:
    def seen_as(arriving: str, gradient: str) -> MicroStep:
        whole = step(FOLLOWED, [call("", "x", "out", kind="Model", depth=0)], gradient=gradient)
        first = Gradient(path="", position=0, content=Content(arriving, "float32[2]", 1.0))
        return replace(whole, gradients=[first, *whole.gradients])

    ours, theirs = closeup(seen_as("arrived", "grad")), closeup(seen_as("arrived2", "grad2"))
    assert compare_closeups(ours, theirs, update=0, phase=Phase.BACKWARD).gradient.path == "m"
    assert compare_closeups(ours, theirs, update=0).gradient.path == ""
