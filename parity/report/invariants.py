"""What one run betrays by itself, on one screen and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from parity.invariants.lint import BothSides, lint_exit_code
from parity.invariants.model import Result, State
from parity.report.wording import capitalised, count, sentence, shorten, squeezed, visible

if TYPE_CHECKING:
    from rich.console import Console

LINT_SCHEMA: Final = 1
_LABEL: Final = 14
_STYLES: Final = {State.HOLDS: "bold green", State.VIOLATED: "bold red", State.NOT_COMPARED: "bold yellow"}


def overall(results: Sequence[Result]) -> State:
    """The word for a whole run."""
    states = {result.state for result in results}
    return next((state for state in (State.VIOLATED, State.HOLDS) if state in states), State.NOT_COMPARED)


def lint_json(results: Sequence[Result]) -> dict[str, object]:
    """The result of every invariant."""
    return {
        "schema": LINT_SCHEMA,
        "verdict": overall(results).value,
        "exit_code": lint_exit_code(results),
        "invariants": [_result(result) for result in results],
    }


def sides_json(both: BothSides | None) -> list[dict[str, object]]:
    """What either side of a comparison violates."""
    return [
        {
            "id": one.candidate.invariant.id,
            "sides": one.sides,
            "gates": one.gates,
            "reference": _result(one.reference),
            "candidate": _result(one.candidate),
        }
        for one in (both.betrayals if both is not None else ())
    ]


def _result(result: Result) -> dict[str, object]:
    invariant = result.invariant
    return {
        "id": invariant.id,
        "title": invariant.broken if result.violations else invariant.title,
        "state": result.state.value,
        "evidence": list(result.evidence),
        "reasons": list(result.reasons),
        "violations": [
            {
                "channel": one.channel.name,
                "name": one.name,
                "rank": one.rank,
                "update": one.update,
                "observed": one.observed,
                "expected": one.expected,
                "more": one.more,
            }
            for one in result.violations
        ],
        "consequence": invariant.consequence,
        "advice": invariant.advice,
    }


def print_lint(results: Sequence[Result], run: str, console: "Console") -> None:
    """The word for the run first, then what is violated and why it matters, and what could not be checked."""
    from rich.text import Text

    state = overall(results)
    held = sum(result.state is State.HOLDS for result in results)
    head = (f"{capitalised(state.value.replace('-', ' '))}:", _STYLES[state])
    console.print(Text.assemble(head, f" {visible(run)}: {held} of {count(len(results), 'invariant')} hold"))
    for result in results:
        if result.state is State.VIOLATED:
            _print_violated(result, console)
    for result in results:
        if result.state is not State.VIOLATED and result.reasons:
            text = f"{result.invariant.id}: {shorten(squeezed('; '.join(result.reasons)))}"
            console.print(Text.assemble("  ", ("not compared".ljust(_LABEL), "dim"), visible(text)))


def _print_violated(result: Result, console: "Console") -> None:
    from rich.text import Text

    invariant = result.invariant
    console.print(Text.assemble("\n  ", ("violated".ljust(_LABEL), "bold red"), f"{invariant.broken} ({invariant.id})"))
    lines = [("evidence", line) for line in result.evidence]
    for label, text in (*lines, ("consequence", sentence(invariant.consequence)), ("advice", invariant.advice)):
        console.print(Text.assemble("    ", (label.ljust(_LABEL - 2), "dim"), visible(text)))
