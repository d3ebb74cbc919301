"""What a close-up is turned into: one row per cause, and close-ups that look like it and are something else."""

from dataclasses import replace

import pytest
from small_training import Training

from parity.compare.engine import compare
from parity.compare.zoom_model import (
    Change,
    Direction,
    GradientDifference,
    Manner,
    OperationDifference,
    ParameterDifference,
    Part,
    Zoom,
)
from parity.diagnose.library import RULES
from parity.diagnose.registry import diagnose
from parity.findings.judge import judge
from parity.trace.zoom import OUTSIDE, Operation

PLAIN = Training()
OTHER_MODEL = replace(PLAIN, model="other")
OTHER_GRADIENT = replace(PLAIN, gradient_scale=2.0)
OTHER_WEIGHT = replace(PLAIN, initial=("wte.weight",))
OTHER_RATE = replace(PLAIN, rate=lambda step: 1e-3)


def forward(name, *change, manner=Manner.CHANGED, following=(), module="h.0", inputs=("x", "y"), kind="Block"):
    operation = Operation(name=name, module=module, literals={}, inputs=inputs, outputs=("z",))
    return Zoom(
        update=0,
        micro_step=0,
        direction=Direction.FORWARD,
        module=None if module == OUTSIDE else Part(path=module, kind=kind, arguments=""),
        operation=OperationDifference(
            manner=manner,
            reference=None if manner is Manner.EXTRA else operation,
            candidate=None if manner is Manner.MISSING else operation,
            changes=(Change(name=change[0], reference=change[1], candidate=change[2]),) if change else (),
            following=following,
        ),
    )


def backward(without=(), sequence=()):
    return Zoom(
        update=0,
        micro_step=0,
        direction=Direction.BACKWARD,
        gradient=GradientDifference(path="h.1.attn", right_until="h.1", without=without),
        module=Part(path="h.1.attn", kind="Attention", arguments=""),
        sequence=sequence,
    )


def parameters(*transposed):
    found = tuple(ParameterDifference(name="wte.weight", candidate_name=None, is_transposed=one) for one in transposed)
    return Zoom(update=0, micro_step=0, direction=Direction.PARAMETERS, parameters=found)


SOFTMAX = ("aten.masked_fill.Scalar", "aten._softmax.default")
SDPA = "aten._scaled_dot_product_flash_attention_for_cpu.default"

# cause, candidate, close-up, a piece of the title
ROWS = [
    ("gelu-variant", OTHER_MODEL, forward("aten.gelu.default", "approximate", "'none'", "'tanh'"), "GELU in h.0"),
    ("normalisation-epsilon", OTHER_MODEL, forward("aten.native_layer_norm.default", "eps", "1e-05", "1e-06"), "1e-06"),
    (
        "dropout-probability",
        OTHER_MODEL,
        forward("aten.bernoulli_.float", "p", "0.9", "0.8"),
        "0.1 in the reference, 0.2",
    ),
    ("dropout-probability", OTHER_MODEL, forward("aten.native_dropout.default", "p", "0.1", "0.2"), "0.1 in the ref"),
    ("dropout-probability", OTHER_MODEL, forward("aten.bernoulli_.float", manner=Manner.EXTRA), "Only the candidate"),
    (
        "dropout-probability",
        OTHER_MODEL,
        forward("aten.mul.Tensor", manner=Manner.MISSING, kind="Dropout"),
        "Only the reference has dropout",
    ),
    ("attention-scale", OTHER_MODEL, forward("aten.mul.Tensor", "other", "0.5", "0.25", following=SOFTMAX), "0.25"),
    ("attention-scale", OTHER_MODEL, forward(SDPA, "scale", "0.5", "0.25"), "attention scores"),
    ("causal-mask", OTHER_MODEL, forward("aten.tril.default", "diagonal", "0", "1"), "diagonal is 0"),
    ("causal-mask", OTHER_MODEL, forward(SDPA, "is_causal", "True", "False"), "is_causal is True"),
    (
        "causal-mask",
        OTHER_MODEL,
        forward("aten.ones.default", manner=Manner.MISSING, following=("aten.tril.default",)),
        "no causal mask",
    ),
    ("operation-precision", OTHER_MODEL, forward("aten._to_copy.default", manner=Manner.EXTRA), "precision in h.0"),
    (
        "operation-precision",
        OTHER_MODEL,
        forward("aten._to_copy.default", "dtype", "torch.bfloat16", "torch.float16"),
        "torch.float16 in the candidate",
    ),
    ("loss-arguments", OTHER_MODEL, forward("aten.nll_loss_forward.default", "ignore_index", "0", "-100"), "-100"),
    ("residual-missing", OTHER_MODEL, forward("aten.add.Tensor", manner=Manner.MISSING), "residual"),
    ("gradient-cut", OTHER_GRADIENT, backward(("w",)), "between h.1 and h.1.attn"),
    ("gradient-cut", OTHER_GRADIENT, backward((), ("the candidate has 2 more aten.detach.default",)), "cut"),
    ("parameter-transposed", OTHER_WEIGHT, parameters(True), "wte.weight transposed"),
    # Much like one of these, and another thing:
    (
        "model-operation-changed",
        OTHER_MODEL,
        forward("aten.mul.Tensor", "other", "0.5", "0.25"),
        "other arguments in h.0",
    ),
    ("model-operation-changed", OTHER_MODEL, forward("aten.add.Tensor", "alpha", "1", "2"), "aten.add.Tensor"),
    (
        "model-operation-changed",
        OTHER_MODEL,
        forward("aten.add.Tensor", manner=Manner.MISSING, inputs=("x",)),
        "is missing",
    ),
    ("model-operation-changed", OTHER_MODEL, forward("aten.ones.default", manner=Manner.MISSING), "aten.ones.default"),
    ("model-operation-changed", OTHER_MODEL, forward("aten.mm.default", manner=Manner.OTHER_RESULT), "another result"),
    ("model-operation-changed", OTHER_MODEL, forward("aten.mm.default", manner=Manner.REPLACED), "is replaced by"),
    (
        "model-operation-changed",
        OTHER_MODEL,
        forward("aten.sum.default", manner=Manner.EXTRA, module=OUTSIDE),
        "between the model's output and the backward",
    ),
    (
        "model-operation-changed",
        OTHER_GRADIENT,
        backward((), ("the reference has 2 more aten.detach.default",)),
        "another backward at h.1.attn",
    ),
    # A close-up that shows nothing, or no place, leaves what was known without it:
    ("forward-differs", OTHER_MODEL, Zoom(update=0, micro_step=0, direction=Direction.NONE), "something else"),
    ("forward-differs", OTHER_MODEL, Zoom(update=0, micro_step=0, direction=Direction.FORWARD), "something else"),
    ("parameter-initialisation", OTHER_WEIGHT, parameters(False), "1 parameter"),
    ("forward-differs", OTHER_MODEL, None, "something else"),
]


@pytest.mark.parametrize(("identifier", "candidate", "zoom", "piece"), ROWS)
def test_cause_is_named_alone_and_explains_everything(identifier, candidate, zoom, piece) -> None:
    diagnosis = diagnose(judge(compare(PLAIN.trace(), candidate.trace())), RULES, zoom)
    assert [cause.id for cause in diagnosis.causes] == [identifier]
    assert diagnosis.unexplained == ()
    (cause,) = diagnosis.causes
    assert piece in cause.title
    assert cause.consequence
    assert cause.advice


def test_a_close_up_does_not_explain_what_begins_elsewhere() -> None:
    zoom = forward("aten.gelu.default", "approximate", "'none'", "'tanh'")
    batches = replace(PLAIN, skipped=(3,), model="other")
    causes = diagnose(judge(compare(PLAIN.trace(), batches.trace())), RULES, zoom).causes
    assert "gelu-variant" in [cause.id for cause in causes]
    fed = replace(PLAIN, batch_size=8, model="other")
    causes = diagnose(judge(compare(PLAIN.trace(), fed.trace())), RULES, zoom).causes
    assert "gelu-variant" not in [cause.id for cause in causes]
