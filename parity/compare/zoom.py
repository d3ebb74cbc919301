"""Where in a model two close-ups of the same micro-step part: parameters, then the forward, then the backward.

They are aligned by value. The reference's first module call, and its first operation, whose inputs the candidate holds
too and whose output it never holds, is where they part; names are only labels. It therefore survives renamed and
restructured modules, and stops before consequences.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from parity.compare.flow import first_parting
from parity.compare.zoom_model import (
    Direction,
    GradientDifference,
    Manner,
    OperationDifference,
    ParameterDifference,
    Part,
    Zoom,
)
from parity.compare.zoom_operations import Stretch, first_difference, surplus
from parity.trace.zoom import Call, Closeup, MicroStep

_UNALIGNED: Final = (
    "no module and no operation begins with inputs that both sides hold: what they are given differs, or it is made in "
    "a way that shows no operations"
)


def compare_closeups(reference: Closeup | None, candidate: Closeup | None, update: int) -> Zoom:
    """Find where both sides part in the first micro-step of ``update`` that shows a difference."""
    if reference is None or candidate is None:
        side = "reference" if reference is None else "candidate"
        return nothing_seen(
            update, f"there is no close-up of the {side}: it did not reach a training forward of that update"
        )
    if reference.digest != candidate.digest:
        return nothing_seen(update, "the two close-ups were made with different digest algorithms")
    remarks = [
        f"the recorder stopped watching the {side}: {fault}"
        for side, one in (("reference", reference), ("candidate", candidate))
        for fault in one.faults
    ]
    eager = [side for side, one in (("reference", reference), ("candidate", candidate)) if one.is_eager]
    if eager:
        remarks.append(f"compiled code of the {' and the '.join(eager)} was run eagerly for this close-up")
    others = {step.number: step for step in candidate.micro_steps}
    for step in reference.micro_steps:
        other = others.get(step.number)
        if other is None:
            remarks.append(f"the candidate has no micro-step {step.number}")
        elif (found := _Comparing(step, other).zoom(update, tuple(remarks))) is not None:
            return found
    remarks.append(
        "run once more for the close-up, both sides hold equal losses and gradients here: the difference does not show "
        + ("in eager execution" if eager else "again")
    )
    return nothing_seen(update, *remarks)


def nothing_seen(update: int, *remarks: str) -> Zoom:
    """A close-up that shows nothing, and why."""
    return Zoom(update=update, micro_step=0, direction=Direction.NONE, remarks=remarks)


class _Comparing:
    """One micro-step of both sides, and what each of them holds."""

    def __init__(self, reference: MicroStep, candidate: MicroStep) -> None:
        self.reference = reference
        self.candidate = candidate
        self.held = _held(candidate)
        self.held_by_reference = _held(reference)

    def zoom(self, update: int, remarks: tuple[str, ...]) -> Zoom | None:
        """What differs, or None where losses, gradients and parameters are equal."""
        ours, theirs = self.reference, self.candidate
        parameters = tuple(self._parameters())
        losses, gradients = _lacking(_losses(ours), _losses(theirs)), _lacking(_gradients(ours), _gradients(theirs))
        if not (losses or gradients or parameters):
            return None
        # Two losses may be equal by rounding alone: then what the model returned still tells where they part.
        outputs = _lacking(_returned(ours), self.held)
        if losses:
            direction, found = Direction.FORWARD, self._forward(losses, _lacking(_losses(theirs), _losses(ours)))
        elif outputs and gradients:
            direction, found = Direction.FORWARD, self._forward(outputs, _returned(theirs))
        elif gradients:
            direction, found = Direction.BACKWARD, self._backward(gradients)
        else:
            direction, found = Direction.PARAMETERS, _Found()
        if parameters and (found.operation is None or found.operation.manner is not Manner.CHANGED):
            direction, found = Direction.PARAMETERS, replace(found, operation=None)
        elif found == _Found():
            remarks = (*remarks, _UNALIGNED)
        unfinished = (
            f"the {side} did not complete micro-step {step.number}"
            for side, step in (("reference", ours), ("candidate", theirs))
            if not step.is_complete
        )
        return Zoom(
            update=update,
            micro_step=ours.number,
            direction=direction,
            parameters=parameters,
            module=_part(found.module),
            counterpart=_part(found.counterpart),
            operation=found.operation,
            gradient=found.gradient,
            sequence=tuple(surplus(ours.forward, theirs.forward)),
            remarks=(*remarks, *unfinished),
        )

    def _parameters(self) -> Iterable[ParameterDifference]:
        theirs = {parameter.content.digest: name for name, parameter in self.candidate.parameters.items()}
        for name, parameter in self.reference.parameters.items():
            if parameter.content.digest in theirs:
                continue
            turned = theirs.get(parameter.transposed or "")
            same_name = name if name in self.candidate.parameters else None
            yield ParameterDifference(name=name, candidate_name=turned or same_name, is_transposed=turned is not None)

    def _forward(self, results: Sequence[str], results_of_candidate: Sequence[str]) -> "_Found":
        ours = Stretch(operations=self.reference.forward, results=results, held=self.held_by_reference)
        theirs = Stretch(operations=self.candidate.forward, results=results_of_candidate, held=self.held)
        operation = first_difference(ours, theirs)
        if operation is not None and operation.reference is None and operation.candidate is not None:
            # What is extra belongs to the candidate's module in which it runs, not to the one it feeds.
            place = operation.candidate.module
            return _Found(_at(place, self.reference.calls), _at(place, self.candidate.calls), operation)
        node = first_parting([_Node(call) for call in self.reference.calls], self.held, ours.matter(theirs))
        call = None if node is None else node.call
        return _Found(call, self._counterpart(call), operation)

    def _backward(self, results: Sequence[str]) -> "_Found":
        own = _lacking(_gradients(self.candidate), _gradients(self.reference))
        ours = Stretch(operations=self.reference.backward, results=results, held=self.held_by_reference)
        theirs = Stretch(operations=self.candidate.backward, results=own, held=self.held)
        gradient = self._gradient()
        path = None if gradient is None else gradient.path
        calls = _at(path, self.reference.calls), _at(path, self.candidate.calls)
        return _Found(*calls, first_difference(ours, theirs), gradient)

    def _gradient(self) -> GradientDifference | None:
        right = ""
        norms = {(one.path, one.position): one.content.norm for one in self.candidate.gradients}
        without = tuple(one for one in self.reference.parameter_gradients if not self._has_gradient(one))
        for one in self.reference.gradients:
            if one.content.digest not in self.held:
                pair = one.content.norm, norms.get((one.path, one.position))
                return GradientDifference(
                    path=one.path,
                    right_until=right,
                    norms=(pair[0], pair[1]) if pair[0] is not None and pair[1] is not None else None,
                    without=without,
                )
            right = one.path
        return None

    def _has_gradient(self, name: str) -> bool:
        """Whether the candidate's parameter of this name, if it has one, has a gradient."""
        return name in self.candidate.parameter_gradients or name not in self.candidate.parameters

    def _counterpart(self, ours: Call | None) -> Call | None:
        """The candidate's call on the same inputs that is not rather the counterpart of another call."""
        if ours is None:
            return None
        inputs = {one.digest for one in ours.inputs}
        kinds = {one.kind for one in _given(inputs, self.reference.calls)}
        paths = {one.path for one in self.reference.calls}
        fitting = [
            one
            for one in _given(inputs, self.candidate.calls)
            if one.kind == ours.kind or (one.kind not in kinds and (one.path == ours.path or one.path not in paths))
        ]
        return max(fitting, key=lambda one: (one.path == ours.path, one.kind == ours.kind, one.depth), default=None)


@dataclass(frozen=True)
class _Found:
    module: Call | None = None
    counterpart: Call | None = None
    operation: OperationDifference | None = None
    gradient: GradientDifference | None = None


@dataclass(frozen=True)
class _Node:
    """A call as a node of the flow."""

    call: Call

    @property
    def inputs(self) -> Sequence[str]:
        return [one.digest for one in self.call.inputs]

    @property
    def outputs(self) -> Sequence[str]:
        return [one.digest for one in self.call.outputs]


def _held(step: MicroStep) -> frozenset[str]:
    """Every tensor that this side had at any time."""
    held = {one.content.digest for one in step.parameters.values()}
    for operation in (*step.forward, *step.backward):
        held.update(operation.inputs, operation.outputs)
    for call in step.calls:
        held.update(one.digest for one in (*call.inputs, *call.outputs))
    held.update(one.content.digest for one in step.gradients)
    held.update(one.digest for one in (*step.losses, *step.parameter_gradients.values()))
    return frozenset(held)


def _lacking(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    other = set(theirs)
    return [one for one in ours if one not in other]


def _returned(step: MicroStep) -> list[str]:
    """What the model returned."""
    return [one.digest for call in step.calls if call.is_root for one in call.outputs]


def _given(inputs: set[str], calls: Sequence[Call]) -> list[Call]:
    """The calls that were given all of ``inputs``."""
    return [one for one in calls if inputs and inputs <= {content.digest for content in one.inputs}]


def _at(path: str | None, calls: Sequence[Call]) -> Call | None:
    return next((one for one in calls if one.path == path), None)


def _losses(step: MicroStep) -> list[str]:
    return [one.digest for one in step.losses]


def _gradients(step: MicroStep) -> list[str]:
    return [one.digest for one in step.parameter_gradients.values()]


def _part(call: Call | None) -> Part | None:
    return None if call is None else Part(path=call.path, kind=call.kind, arguments=call.arguments)
