"""A close-up names the module and the operation in which two trainings part, whatever they are called."""

from dataclasses import dataclass

import pytest

from parity.compare.zoom_model import Direction, Manner
from parity.record.processes import Launcher
from tests.e2e.closeups import Bench, Edits

pytestmark = pytest.mark.xdist_group("zoom")


@pytest.fixture(scope="module")
def bench(warm: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return one bench for all rows."""
    return Bench(tmp_path_factory.mktemp("bench"), warm)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A planted defect, and what a close-up has to say: cause, module, its counterpart, operation and its arguments."""

    id: str
    edits: Edits
    cause: str
    module: str | None
    counterpart: str | None
    operation: str
    arguments: tuple[str | None, str | None] | None = None
    manner: Manner = Manner.CHANGED
    direction: Direction = Direction.FORWARD
    place: tuple[int, int] = (0, 0)
    says: str = ""


TANH = ("nn.GELU()", "nn.GELU(approximate='tanh')")
EPSILON = ("self.ln_1 = nn.LayerNorm(WIDTH, eps=1e-5)", "self.ln_1 = nn.LayerNorm(WIDTH, eps=1e-6)")
SCALE = ("math.sqrt(C // HEADS)", "math.sqrt(C)")
CALL_GELU = "self.c_proj(self.gelu(self.c_fc(x)))"
# What a refactor does: other names, functions for modules, a product for a layer.
BENIGN = (
    ("ln_1", "pre_attention"),
    ("Attention", "SelfAttention"),
    (CALL_GELU, "F.gelu(x @ self.c_fc.weight.t() + self.c_fc.bias) @ self.c_proj.weight.t() + self.c_proj.bias"),
    ("        self.gelu = nn.GELU()\n", ""),
)
EMBEDDED = "self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))"
ATTEND = "x = x + self.attn(self.ln_1(x))"
TURN = "model.h[1].attn.c_proj.weight"

ROWS = (
    Row(
        id="gelu",
        edits=(TANH,),
        cause="gelu-variant",
        module="h.0.mlp.gelu",
        counterpart="h.0.mlp.gelu",
        operation="aten.gelu.default",
        arguments=("'none'", "'tanh'"),
        says="Another variant of GELU in h.0.mlp.gelu: 'none' in the reference, 'tanh' in the candidate",
    ),
    Row(
        id="layer-norm-epsilon",
        edits=(EPSILON,),
        cause="normalisation-epsilon",
        module="h.0.ln_1",
        counterpart="h.0.ln_1",
        operation="aten.native_layer_norm.default",
        arguments=("1e-05", "1e-06"),
    ),
    Row(
        id="attention-scale",
        edits=(SCALE,),
        cause="attention-scale",
        module="h.0.attn",
        counterpart="h.0.attn",
        operation="aten.mul.Tensor",
        arguments=("0.35355339059327373", "0.25"),
    ),
    Row(
        id="dropout",
        edits=(("self.drop = nn.Dropout(0.1)", "self.drop = nn.Dropout(0.05)"),),
        cause="dropout-probability",
        module="drop",
        counterpart="drop",
        operation="aten.bernoulli_.float",
        arguments=("0.9", "0.95"),
        says="0.1 in the reference, 0.05 in the candidate",
    ),
    Row(
        id="dropout-as-a-function",
        edits=((f"self.drop({EMBEDDED})", f"F.dropout({EMBEDDED}, 0.05, self.training)"),),
        cause="dropout-probability",
        module="drop",
        counterpart=None,
        operation="aten.bernoulli_.float",
        arguments=("0.9", "0.95"),
    ),
    Row(
        id="no-dropout",
        edits=((f"self.drop({EMBEDDED})", EMBEDDED),),
        cause="dropout-probability",
        module="drop",
        counterpart=None,
        operation="aten.mul.Tensor",
        manner=Manner.MISSING,
        says="Only the reference has dropout in drop",
    ),
    Row(
        id="residual",
        edits=((ATTEND, "x = self.attn(self.ln_1(x))"),),
        cause="residual-missing",
        module="h.0",
        counterpart="h.0",
        operation="aten.add.Tensor",
        manner=Manner.MISSING,
    ),
    Row(
        id="causal-mask",
        edits=(("torch.tril(torch.ones(T, T))", "torch.tril(torch.ones(T, T), diagonal=1)"),),
        cause="causal-mask",
        module="h.0.attn",
        counterpart="h.0.attn",
        operation="aten.tril.default",
        arguments=("0", "1"),
    ),
    Row(
        id="no-causal-mask",
        edits=(
            ('        scores = scores.masked_fill(mask == 0, float("-inf"))\n', ""),
            ("mask = torch.tril", "# "),
        ),
        cause="causal-mask",
        module="h.0.attn",
        counterpart="h.0.attn",
        operation="aten.ones.default",
        manner=Manner.MISSING,
    ),
    Row(
        id="renamed-functional-and-epsilon",
        edits=(*BENIGN, (EPSILON[0].replace("ln_1", "pre_attention"), EPSILON[1].replace("ln_1", "pre_attention"))),
        cause="normalisation-epsilon",
        module="h.0.ln_1",
        counterpart="h.0.pre_attention",
        operation="aten.native_layer_norm.default",
        arguments=("1e-05", "1e-06"),
    ),
    Row(
        id="restructured-and-attention-scale",
        edits=(*BENIGN, SCALE),
        cause="attention-scale",
        module="h.0.attn",
        counterpart="h.0.attn",
        operation="aten.mul.Tensor",
        arguments=("0.35355339059327373", "0.25"),
    ),
    Row(
        id="extra-operation",
        edits=((ATTEND, f"x = x * 1.01\n        {ATTEND}"),),
        cause="model-operation-changed",
        module="h.0",
        counterpart="h.0",
        operation="aten.mul.Tensor",
        manner=Manner.EXTRA,
    ),
    Row(
        id="loss-outside-the-model",
        edits=(("ids[:, 1:].reshape(-1))", "ids[:, 1:].reshape(-1), label_smoothing=0.1)"),),
        cause="model-operation-changed",
        module=None,
        counterpart=None,
        operation="aten.sum.dim_IntList",
        manner=Manner.EXTRA,
        says="between the model's output and the backward",
    ),
    Row(
        id="gradient-cut",
        edits=((ATTEND, f"{ATTEND}.detach()"),),
        cause="gradient-cut",
        module="h.1.attn.c_proj",
        counterpart="h.1.attn.c_proj",
        operation="aten.mul.Tensor",
        manner=Manner.MISSING,
        direction=Direction.BACKWARD,
        says="between h.1.attn and h.1.attn.c_proj",
    ),
    Row(
        id="late",
        edits=(
            (
                CALL_GELU,
                CALL_GELU.replace("self.gelu(", "F.gelu(").replace(
                    "c_fc(x)", "c_fc(x), approximate='tanh' if (step, micro_step) == (3, 1) else 'none'"
                ),
            ),
        ),
        cause="gelu-variant",
        module="h.0.mlp.gelu",
        counterpart=None,
        operation="aten.gelu.default",
        arguments=("'none'", "'tanh'"),
        place=(3, 1),
    ),
    Row(
        id="compiled",
        edits=(("called = model", "called = torch.compile(model, backend='eager')"), TANH),
        cause="gelu-variant",
        module="h.0.mlp.gelu",
        counterpart="h.0.mlp.gelu",
        operation="aten.gelu.default",
        arguments=("'none'", "'tanh'"),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_defect_is_named_to_the_operation(row: Row, bench: Bench) -> None:
    outcome = bench.outcome(row.edits)
    zoom = outcome.zoom
    assert zoom is not None
    assert (zoom.direction, (zoom.update, zoom.micro_step)) == (row.direction, row.place)
    assert [part and part.path for part in (zoom.module, zoom.counterpart)] == [row.module, row.counterpart]
    found = zoom.operation
    assert found is not None
    assert found.manner is row.manner
    assert (found.reference or found.candidate).name == row.operation
    if row.arguments is not None:
        assert [(one.reference, one.candidate) for one in found.changes] == [row.arguments]
    assert outcome.diagnosis.causes[0].id == row.cause
    assert row.says in outcome.diagnosis.causes[0].title


def test_transposed_weight_is_named_before_what_it_does(bench: Bench) -> None:
    turned = (("model = GPT()", f"model = GPT()\n{TURN}.data = {TURN}.data.t().contiguous()"),)
    outcome = bench.outcome(turned)
    zoom = outcome.zoom
    assert zoom.direction is Direction.PARAMETERS
    assert [(one.name, one.is_transposed) for one in zoom.parameters] == [("h.1.attn.c_proj.weight", True)]
    assert zoom.module.path == "h.1.attn.c_proj"
    assert outcome.diagnosis.causes[0].id == "parameter-transposed"


def test_gradient_cut_names_the_parameters_that_get_none(bench: Bench) -> None:
    gradient = bench.outcome(((ATTEND, f"{ATTEND}.detach()"),)).zoom.gradient
    assert gradient.right_until == "h.1.attn"
    assert "h.0.attn.c_attn.weight" in gradient.without
    assert "h.0.mlp.c_fc.weight" not in gradient.without


def test_doubled_gradient_is_measured(bench: Bench) -> None:
    doubled = ("x = x + self.mlp(self.ln_2(x))", "y = self.mlp(self.ln_2(x))\n        x = x + (2 * y - y.detach())")
    zoom = bench.outcome((doubled,)).zoom
    assert zoom.direction is Direction.BACKWARD
    reference, candidate = zoom.gradient.norms
    assert candidate / reference == pytest.approx(2.0)


def test_compiled_code_is_run_eagerly_and_that_is_said(bench: Bench) -> None:
    compiled = ("called = model", "called = torch.compile(model, backend='eager')")
    zoom = bench.outcome((compiled, TANH)).zoom
    assert zoom.remarks == ("compiled code of the candidate was run eagerly for this close-up",)


def test_a_benign_refactor_needs_no_close_up(bench: Bench) -> None:
    outcome = bench.outcome(BENIGN)
    assert (outcome.exit_code, outcome.zoom) == (0, None)


@pytest.mark.parametrize(
    "edits",
    [
        (("lr=1e-2", "lr=2e-2"),),
        (("manual_seed(1)", "manual_seed(2)"),),
        (("torch.manual_seed(0)", "torch.manual_seed(3)"),),
        (("model = GPT()", "model = GPT().eval()"),),
    ],
    ids=["rate", "data", "seed", "mode"],
)
def test_a_divergence_elsewhere_gets_none(edits: Edits, bench: Bench) -> None:
    outcome = bench.outcome(edits)
    assert (outcome.exit_code, outcome.zoom) == (1, None)
