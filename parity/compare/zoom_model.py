"""What a close-up shows: the module, the operation and the gradient at which two runs of one micro-step part."""

from dataclasses import dataclass
from enum import StrEnum

from parity.trace.zoom import Operation


class Direction(StrEnum):
    """In which part of a micro-step both sides part."""

    PARAMETERS = "parameters"
    FORWARD = "forward"
    BACKWARD = "backward"
    NONE = "none"


class Manner(StrEnum):
    """What has become of an operation in the candidate."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"
    REPLACED = "replaced"
    OTHER_RESULT = "other-result"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A module of one side: its path, empty for the model itself, its class, and what it says about itself."""

    path: str
    kind: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """An argument that differs; None where that side does not have it."""

    name: str
    reference: str | None
    candidate: str | None


@dataclass(frozen=True, kw_only=True)
class OperationDifference:
    """The first operation that differs, as each side has it.

    A missing one has no candidate, an extra one no reference. ``following`` are the next in the reference's module.
    """

    manner: Manner
    reference: Operation | None
    candidate: Operation | None
    changes: tuple[Change, ...] = ()
    following: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GradientDifference:
    """The first total gradient, on the way back, that the candidate does not have.

    ``right_until`` is the last module before whose gradient it has, empty for the loss; ``without`` are parameters that
    get a gradient in the reference only, ``norms`` the norms at that module where both sides have one.
    """

    path: str
    right_until: str
    norms: tuple[float, float] | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ParameterDifference:
    """A parameter or buffer whose content the candidate does not hold when the forward begins."""

    name: str
    candidate_name: str | None
    is_transposed: bool


@dataclass(frozen=True, kw_only=True)
class Zoom:
    """What a close-up of one micro-step shows.

    ``sequence`` tells which operations one side has more often; ``remarks`` what could not be aligned, and why.
    """

    update: int
    micro_step: int
    direction: Direction
    parameters: tuple[ParameterDifference, ...] = ()
    module: Part | None = None
    counterpart: Part | None = None
    operation: OperationDifference | None = None
    gradient: GradientDifference | None = None
    sequence: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
