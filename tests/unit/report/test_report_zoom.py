"""How a close-up is shown: in the report, on the terminal, as JSON."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

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
from parity.diagnose import closeup
from parity.findings.following import Followed
from parity.report.discrepancy import discrepancy_report
from parity.report.html.page import render_html
from parity.report.machine import result_json, to_json
from parity.report.markdown import render_markdown
from parity.report.terminal import print_outcome
from parity.trace.zoom import OUTSIDE, Operation
from tests.unit.report import report_examples as examples
from tests.unit.report.report_builders import found, outcome

GELU = Operation(
    name="aten.gelu.default", module="h.0.mlp.gelu", literals={"approximate": "'none'"}, inputs=(), outputs=()
)
TANH = replace(GELU, literals={"approximate": "'tanh'"}, module="h.0.mlp")
FORWARD = Zoom(
    update=3,
    micro_step=1,
    direction=Direction.FORWARD,
    module=Part(path="h.0.mlp.gelu", kind="GELU", arguments="approximate='none'"),
    operation=OperationDifference(
        manner=Manner.CHANGED,
        reference=GELU,
        candidate=TANH,
        changes=(Change(name="approximate", reference="'none'", candidate="'tanh'"),),
    ),
    sequence=("the candidate has 1 more aten.mul.Tensor",),
)
BACKWARD = Zoom(
    update=0,
    micro_step=0,
    direction=Direction.BACKWARD,
    module=Part(path="h.1.attn", kind="Attention", arguments=""),
    gradient=GradientDifference(path="h.1.attn", right_until="", norms=(0.5, 1.0), without=("a", "b", "c", "d", "e")),
)
NOTHING = Zoom(update=0, micro_step=0, direction=Direction.NONE, remarks=("reference-failed: it ended",))


def shown(zoom: Zoom) -> list[str]:
    stream = io.StringIO()
    one = replace(outcome(found("output", 1.0, 2.0)), zoom=zoom)
    print_outcome(one, Console(file=stream, width=40, no_color=True))
    lines = stream.getvalue().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  close-up"))
    return [line.strip() for line in lines[at : at + 2]]


def test_further_closeups_of_a_followed_candidate_are_shown_wherever_the_first_one_is() -> None:
    plain = outcome(found("output", 1.0, 2.0))
    followed = Followed(plain=plain.judgement, closeups=(BACKWARD,))
    both = replace(plain, zoom=FORWARD, followed=followed)
    stream = io.StringIO()
    print_outcome(both, Console(file=stream, width=200, no_color=True))
    assert [line.strip()[:36] for line in stream.getvalue().splitlines() if line.startswith("  close-up")] == [
        "close-up          module: h.0.mlp.ge",
        "close-up          gradient: right ba",
    ]
    text = render_markdown(discrepancy_report([both]))
    first, _, second = text.partition("Beside it, given the reference's values, this differs by itself:")
    assert ("Forward of update 3" in first, "Backward of update 0" in second) == (True, True)
    assert "Beside it" not in render_markdown(discrepancy_report([replace(plain, zoom=FORWARD)]))
    page = render_html([both])
    assert page.count("Close-up</") == 2 + 1  # module, operation; gradient
    result = result_json(both)
    assert [one["direction"] for one in (result["zoom"], *result["followed"]["closeups"])] == ["forward", "backward"]


def test_two_lines_on_the_terminal() -> None:
    first, second = shown(FORWARD)
    assert first == (
        "close-up          module: h.0.mlp.gelu (GELU, approximate='none') in the reference, no module in the candidate"
    )
    assert second == (
        "operation: aten.gelu.default in h.0.mlp.gelu (h.0.mlp): approximate is 'none' in the reference, "
        "'tanh' in the candidate"
    )
    assert shown(BACKWARD)[0] == (
        "close-up          gradient: right back to the output of the loss, wrong at the output of h.1.attn, "
        "norm 0.5 in the reference, 1.0 in the candidate; no gradient reaches a, b, c, d and 1 more in the candidate"
    )
    assert shown(NOTHING)[0] == "close-up          reference-failed: it ended"


def test_a_section_of_the_report() -> None:
    text = render_markdown(discrepancy_report([replace(outcome(found("output", 1.0, 2.0)), zoom=FORWARD)]))
    assert "## 4. Close-up of the first divergence" in text
    assert "**Forward of update 3, micro-step 1.**" in text
    assert "| first module | `h.0.mlp.gelu`: `GELU`, `approximate='none'` | no module |" in text
    assert "| argument `approximate` | `'none'` | `'tanh'` |" in text
    assert "The candidate has 1 more aten.mul.Tensor." in text
    several = [replace(outcome(found("output", 1.0, 2.0), scenario=name), zoom=NOTHING) for name in ("one", "two")]
    text = render_markdown(discrepancy_report(several))
    assert "### 4.2. Scenario `two`" in text
    assert "**Not compared:** reference-failed: it ended." in text


def test_no_section_where_nothing_was_looked_at() -> None:
    assert "Close-up" not in render_markdown(discrepancy_report([examples.lagging()]))


def test_json_holds_all_of_it() -> None:
    result = json.loads(to_json(result_json(replace(outcome(found("output", 1.0, 2.0)), zoom=FORWARD))))["zoom"]
    assert (result["direction"], result["update"], result["micro_step"]) == ("forward", 3, 1)
    assert result["operation"]["changes"] == [{"name": "approximate", "reference": "'none'", "candidate": "'tanh'"}]
    assert result["operation"]["manner"] == "changed"


@pytest.mark.parametrize(
    ("manner", "reference", "candidate", "line"),
    [
        (Manner.MISSING, GELU, None, "in h.0.mlp.gelu: missing in the candidate"),
        (
            Manner.EXTRA,
            None,
            replace(TANH, module=OUTSIDE),
            "the model's output and the backward: extra in the candidate",
        ),
        (Manner.REPLACED, GELU, replace(TANH, module=""), "(approximate='tanh') in the model itself in the candidate"),
        (Manner.OTHER_RESULT, GELU, TANH, "same inputs and arguments, another result"),
    ],
)
def test_manners_in_words(manner, reference, candidate, line) -> None:
    operation = OperationDifference(manner=manner, reference=reference, candidate=candidate)
    assert closeup.operation_line(replace(FORWARD, operation=operation)).endswith(line)


def test_parameters_in_words() -> None:
    parameters = tuple(
        ParameterDifference(name=name, candidate_name=name, is_transposed=name == "w") for name in ("w", "v")
    )
    assert list(closeup.parameter_lines(replace(FORWARD, parameters=parameters))) == [
        "parameters that the candidate holds transposed: w",
        "parameters that differ before the forward begins: v",
    ]
