"""The close-up of one update: which modules, operations and gradients each of its micro-steps consisted of.

It stands beside a trace as JSON lines, one record a line, in the order in which things happened. A tensor is known by
the digest of its content: equal digests are the same tensor, whatever it is called. A reader stops at the first line
that is torn.

Also loaded inside recorded programs: the standard library only.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SUFFIX: Final = ".zoom"
HISTORY: Final = {1: "first format"}
SCHEMA: Final = max(HISTORY)
RECORDS: Final = {
    "header": "schema, rank, update, digest algorithm; always the first line",
    "micro_step": "number: what follows belongs to this micro-step of the update",
    "parameter": "name, tensor, and for a matrix the digest of its transpose: held before the forward, buffers too",
    "call": "module: path, class, arguments, how deep it is nested, root or not, input and output tensors",
    "operation": "forward or backward, name, path of the module it ran in, literals, input and output digests",
    "loss": "tensor that the backward began with",
    "gradient": "path and output position of a module's output, tensor: its total gradient",
    "parameter_gradient": "name, tensor: what the parameter's gradient held when the backward had ended",
    "eager": "torch.compile was used and made to do nothing",
    "fault": "error: the recorder could not go on; what follows is missing",
    "end": "the micro-step is complete",
}

OUTSIDE: Final = "(outside the model)"
"""Where operations run between the model's return and the backward."""


@dataclass(frozen=True)
class Content:
    """A tensor as it was: digest, dtype with shape, and the norm where it is floating and finite."""

    digest: str
    kind: str
    norm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a module. ``path`` is its place in the model, with ``#1`` for the second call, empty for a root."""

    path: str
    kind: str
    arguments: str
    depth: int
    is_root: bool
    inputs: tuple[Content, ...]
    outputs: tuple[Content, ...]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of torch: its tensors by digest, its other arguments by name as text."""

    name: str
    module: str
    literals: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """Total gradient at one output of a module call."""

    path: str
    position: int
    content: Content


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter or buffer before the forward; ``transposed`` is the digest of a matrix's transpose."""

    content: Content
    transposed: str | None = None


@dataclass(kw_only=True)
class MicroStep:
    """Everything seen in one micro-step."""

    number: int
    parameters: dict[str, Parameter] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    forward: list[Operation] = field(default_factory=list)
    losses: list[Content] = field(default_factory=list)
    gradients: list[Gradient] = field(default_factory=list)
    backward: list[Operation] = field(default_factory=list)
    parameter_gradients: dict[str, Content] = field(default_factory=dict)
    is_complete: bool = False


@dataclass(frozen=True, kw_only=True)
class Closeup:
    """The close-up of one process."""

    update: int
    rank: int
    digest: str
    micro_steps: tuple[MicroStep, ...]
    is_eager: bool = False
    faults: tuple[str, ...] = ()


def read_closeup(path: Path) -> Closeup | None:
    """Read a close-up as far as it is intact; None where there is none, or one of another schema."""
    lines = list(_lines(path))
    if not lines or lines[0].get("record") != "header" or lines[0].get("schema") != SCHEMA:
        return None
    header = lines[0]
    try:
        steps = _micro_steps(lines[1:])
    except (KeyError, TypeError, ValueError):
        return None
    return Closeup(
        update=int(header["update"]),
        rank=int(header["rank"]),
        digest=str(header["digest"]),
        micro_steps=tuple(steps),
        is_eager=any(line["record"] == "eager" for line in lines),
        faults=tuple(str(line["error"]) for line in lines if line["record"] == "fault"),
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.split("\n")[:-1]:
        try:
            found = json.loads(line)
        except ValueError:
            return
        if not isinstance(found, dict) or found.get("record") not in RECORDS:
            return
        yield found


def _micro_steps(lines: Iterable[Mapping[str, Any]]) -> list[MicroStep]:
    steps: list[MicroStep] = []
    for line in lines:
        if line["record"] == "micro_step":
            steps.append(MicroStep(number=int(line["number"])))
        elif steps and line["record"] in _TAKE:
            _TAKE[line["record"]](steps[-1], line)
    return steps


def _take_parameter(step: MicroStep, line: Mapping[str, Any]) -> None:
    step.parameters[line["name"]] = Parameter(content=Content(*line["tensor"]), transposed=line.get("transposed"))


def _take_call(step: MicroStep, line: Mapping[str, Any]) -> None:
    step.calls.append(
        Call(
            path=line["path"],
            kind=line["class"],
            arguments=line["arguments"],
            depth=line["depth"],
            is_root=line["root"],
            inputs=tuple(Content(*one) for one in line["inputs"]),
            outputs=tuple(Content(*one) for one in line["outputs"]),
        )
    )


def _take_operation(step: MicroStep, line: Mapping[str, Any]) -> None:
    operation = Operation(
        name=line["name"],
        module=line["module"],
        literals=line["literals"],
        inputs=tuple(line["inputs"]),
        outputs=tuple(line["outputs"]),
    )
    (step.backward if line["backward"] else step.forward).append(operation)


def _take_gradient(step: MicroStep, line: Mapping[str, Any]) -> None:
    step.gradients.append(Gradient(path=line["path"], position=line["position"], content=Content(*line["tensor"])))


def _take_parameter_gradient(step: MicroStep, line: Mapping[str, Any]) -> None:
    step.parameter_gradients[line["name"]] = Content(*line["tensor"])


def _take_loss(step: MicroStep, line: Mapping[str, Any]) -> None:
    step.losses.append(Content(*line["tensor"]))


def _take_end(step: MicroStep, _: Mapping[str, Any]) -> None:
    step.is_complete = True


_TAKE: Final = {
    "parameter": _take_parameter,
    "call": _take_call,
    "operation": _take_operation,
    "loss": _take_loss,
    "gradient": _take_gradient,
    "parameter_gradient": _take_parameter_gradient,
    "end": _take_end,
}
