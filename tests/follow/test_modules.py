"""Every module of a forward that differs is judged on its own, whatever else differs around it."""

from dataclasses import dataclass

import pytest

from parity.report.discrepancy import discrepancy_report
from parity.report.markdown import render_markdown
from tests.follow import defects
from tests.follow.lockstep import Lockstep
from tests.mutants.rows import Edit

MODEL = "char_gpt/model.py"
RESIDUAL = (Edit(file=MODEL, old="x = x + self.attn(self.ln_1(x))", new="x = self.attn(self.ln_1(x))"),)
FUNCTIONAL = (
    Edit(file=MODEL, old="        self.gelu = nn.GELU()\n", new=""),
    Edit(file=MODEL, old="self.gelu(", new='functional.gelu(approximate="tanh", input='),
)
HARMLESS = (
    Edit(file=MODEL, old="        self.gelu = nn.GELU()\n", new=""),
    Edit(file=MODEL, old="self.gelu(", new="functional.gelu("),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A candidate; the modules that compute, and those that pass on, something else; causes of the model."""

    id: str
    edits: tuple[Edit, ...]
    computes: set[str]
    passes: dict[str, tuple[str, ...]]
    causes: set[str]


ROWS = (
    Row(
        id="behind-other-data",
        edits=(*defects.WINDOW, *defects.GELU, *defects.DROPOUT, *defects.RENAMED),
        computes={"drop", "h.0.mlp.gelu", "h.0.mlp.dropout", "h.1.mlp.gelu", "h.1.mlp.dropout"},
        passes={},
        causes={"batches-elsewhere", "dropout-probability"},
    ),
    Row(
        id="residual",
        edits=(*defects.CLIP, *RESIDUAL),
        # The sum that lacks a term goes to a part of the block, and into what the block returns.
        computes={"h.0", "h.1"},
        passes={"h.0": ("h.0.ln_2",), "h.1": ("h.1.ln_2",)},
        causes={"residual-missing", "clip-limit"},
    ),
    Row(
        id="functional",
        edits=(*FUNCTIONAL, *defects.WARMUP),
        computes=set(),
        passes={"h.0.mlp": ("h.0.mlp.c_proj",), "h.1.mlp": ("h.1.mlp.c_proj",)},
        causes={"gelu-variant", "schedule-warmup"},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_each_module_gets_its_own_verdict(row: Row, lockstep: Lockstep) -> None:
    outcome = lockstep.outcome(f"modules-{row.id}", *row.edits)
    found = outcome.followed.modules
    computing = {one.reference.path.removeprefix("transformer.") for one in found if one.computes and one.reference}
    passing = {
        one.reference.path.removeprefix("transformer."): tuple(to.removeprefix("transformer.") for to in one.passes)
        for one in found
        if one.passes and one.reference
    }
    assert (computing, passing) == (row.computes, row.passes)
    assert {cause.id for cause in outcome.diagnosis.causes} == row.causes
    text = render_markdown(discrepancy_report([outcome]))
    assert "each module below differs by itself" in text


def test_what_computes_the_same_without_a_module_is_no_difference(lockstep: Lockstep) -> None:
    outcome = lockstep.outcome("modules-harmless", *HARMLESS)
    assert (outcome.exit_code, outcome.followed.modules) == (0, ())
