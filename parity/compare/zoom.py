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
from parity.trace.channels import Phase
from parity.trace.zoom import OUTSIDE, Call, Closeup, MicroStep

_UNALIGNED: Final = (
    "no module and no operation begins with inputs that both sides hold: what they are given differs, or it is made in "
    "a way that shows no operations"
)


def compare_closeups(
    reference: Closeup | None, candidate: Closeup | None, update: int, phase: Phase | None = None
) -> Zoom:
    """Find where both sides part in the first micro-step of ``update`` that shows a difference.

    Where the candidate followed, each ``phase`` was given the reference's values: then forward, loss or backward is
    looked at by itself. Without one it is whatever comes first.
    """
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
        elif (found := _Comparing(step, other, phase).zoom(update, tuple(remarks))) is not None:
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
    """One micro-step of both sides, and what each of them holds; of one ``phase``, or of all."""

    def __init__(self, reference: MicroStep, candidate: MicroStep, phase: Phase | None) -> None:
        self.reference = reference
        self.candidate = candidate
        self.phase = phase
        self.held = _held(candidate, phase)
        self.held_by_reference = _held(reference, phase)

    def zoom(self, update: int, remarks: tuple[str, ...]) -> Zoom | None:
        """What differs, or None where losses, gradients and parameters are equal."""
        ours, theirs = self.reference, self.candidate
        parameters = tuple(self._parameters())
        direction, results, others = self._parting()
        if direction is Direction.NONE and not parameters:
            return None
        if direction is Direction.FORWARD:
            found = self._forward(results, others)
        elif direction is Direction.BACKWARD:
            found = self._backward(results, others)
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

    def _parting(self) -> tuple[Direction, list[str], list[str]]:
        """In which direction the results differ: the reference's that the candidate lacks, and the other way round."""
        ours, theirs = self.reference, self.candidate
        losses = _lacking(_losses(ours), _losses(theirs))
        outputs = _lacking(_returned(ours), self.held)
        gradients = _lacking(_gradients(ours), _gradients(theirs))
        phase = self.phase
        if phase is None:
            # Two losses may be equal by rounding alone: then what the model returned still tells where they part.
            phase = Phase.LOSS if losses else Phase.FORWARD if outputs and gradients else Phase.BACKWARD
        if phase is Phase.LOSS and losses:
            return Direction.FORWARD, losses, _lacking(_losses(theirs), _losses(ours))
        if phase is Phase.FORWARD and outputs:
            return Direction.FORWARD, outputs, _returned(theirs)
        if phase is Phase.BACKWARD and gradients:
            return Direction.BACKWARD, gradients, _lacking(_gradients(theirs), _gradients(ours))
        return Direction.NONE, [], []

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

    def _backward(self, results: Sequence[str], results_of_candidate: Sequence[str]) -> "_Found":
        ours = Stretch(operations=self.reference.backward, results=results, held=self.held_by_reference)
        theirs = Stretch(operations=self.candidate.backward, results=results_of_candidate, held=self.held)
        gradient = self._gradient()
        path = None if gradient is None else gradient.path
        calls = _at(path, self.reference.calls), _at(path, self.candidate.calls)
        return _Found(*calls, first_difference(ours, theirs), gradient)

    def _gradient(self) -> GradientDifference | None:
        right = ""
        norms = {(one.path, one.position): one.content.norm for one in self.candidate.gradients}
        without = tuple(one for one in self.reference.parameter_gradients if not self._has_gradient(one))
        arriving = _arriving(self.reference) if self.phase is not None else frozenset()
        for one in self.reference.gradients:
            if (one.path, one.position) in arriving:
                continue
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


def _held(step: MicroStep, phase: Phase | None) -> frozenset[str]:
    """Every tensor that this side had at any time; of the forward alone, until the model returned.

    What comes after the model may be given what the other side's model returned.
    """
    held = {one.content.digest for one in step.parameters.values()}
    for call in step.calls:
        held.update(one.digest for one in (*call.inputs, *call.outputs))
    inside = phase is Phase.FORWARD
    for operation in step.forward if inside else (*step.forward, *step.backward):
        if not inside or operation.module != OUTSIDE:
            held.update(operation.inputs, operation.outputs)
    if inside:
        return frozenset(held)
    held.update(one.content.digest for one in step.gradients)
    held.update(one.digest for one in (*step.losses, *step.parameter_gradients.values()))
    return frozenset(held)


def _lacking(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    other = set(theirs)
    return [one for one in ours if one not in other]


def _returned(step: MicroStep) -> list[str]:
    """What the model returned."""
    return [one.digest for call in step.calls if call.is_root for one in call.outputs]


def _arriving(step: MicroStep) -> frozenset[tuple[str, int]]:
    """Where what the model returned was made: the gradient that arrives there is the loss's, not the backward's."""
    returned = set(_returned(step))
    made = ((call.path, at, one.digest) for call in step.calls for at, one in enumerate(call.outputs))
    return frozenset((path, at) for path, at, digest in made if digest in returned)


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
