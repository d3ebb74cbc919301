"""What may differ, what is not judged, and what makes a comparison fail."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from parity.policy.base import Table


class TolerancePolicy(Table):
    """The most by which the values of some series may differ without counting against parity, and why.

    ``channel``, ``name`` and ``pair`` are patterns such as ``loss`` and ``*.bias``; ``updates`` the first and the last
    update. A value is accepted where any of the bounds holds that are given; of tensors only ``relative`` can.
    """

    channel: Annotated[str, Field(min_length=1)]
    """Pattern of channels."""
    name: str = "*"
    """Pattern of series."""
    pair: str = "*"
    """Pattern of pairs."""
    updates: tuple[int, int] | None = None
    """First and last update; without, all."""
    absolute: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Largest absolute difference."""
    relative: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Largest difference relative to the reference."""
    ulp: Annotated[int, Field(ge=0)] | None = None
    """Largest distance in neighbouring float64 values."""
    reason: Annotated[str, Field(min_length=1)]
    """Why."""

    @model_validator(mode="after")
    def _means_something(self) -> "TolerancePolicy":
        if self.absolute is None and self.relative is None and self.ulp is None:
            message = "a tolerance needs a bound: absolute, relative or ulp"
            raise ValueError(message)
        return self


class IgnoredPolicy(Table):
    """What is not judged at all, and why; reports list it as not compared.

    ``channel``, ``name`` and ``pair`` are patterns such as ``log_value`` and ``*seconds*``.
    """

    channel: Annotated[str, Field(min_length=1)]
    """Pattern of channels."""
    name: str = "*"
    """Pattern of series."""
    pair: str = "*"
    """Pattern of pairs."""
    reason: Annotated[str, Field(min_length=1)]
    """Why."""


class GateRulePolicy(Table):
    """Whether findings of one kind make a comparison fail, and why. The first rule that fits decides.

    ``verdict`` is that of a finding; ``not-compared`` for what was not compared; ``violated`` for an invariant, whose
    ``channel`` is ``invariant`` and whose ``name`` is its own; ``unused``, ``stale`` and ``expired`` for a waiver,
    whose ``channel`` is ``waiver``. ``pair``, ``scenario``, ``channel`` and ``name`` are patterns; ``name`` must fit
    every series of a finding.
    """

    verdict: Literal[
        "different", "missing", "extra", "equivalent", "not-compared", "violated", "unused", "stale", "expired"
    ]
    """Of which verdict."""
    gates: bool
    """Whether it makes the comparison fail."""
    pair: str = "*"
    """Pattern of pairs."""
    scenario: str = "*"
    """Pattern of scenarios."""
    channel: str = "*"
    """Pattern of channels."""
    name: str = "*"
    """Pattern of series."""
    reason: Annotated[str, Field(min_length=1)]
    """Why."""


class GatePolicy(Table):
    """What makes a comparison fail beyond, and short of, what differs in the training.

    A waiver that ends within ``expires_soon`` days is announced.
    """

    expires_soon: Annotated[int, Field(ge=0)] = 14
    """Days before its end at which a waiver is announced."""
    rules: tuple[GateRulePolicy, ...] = ()
    """The first rule that fits a finding decides about it."""
