"""The whole policy: everything under ``[tool.parity]``."""

from typing import Literal

from pydantic import Field, model_validator

from parity.policy.base import Table
from parity.policy.judging import GatePolicy, IgnoredPolicy, TolerancePolicy
from parity.policy.pairs import PairPolicy


class Policy(Table):
    """Everything under ``[tool.parity]``."""

    pairs: tuple[PairPolicy, ...] = ()
    """What is compared."""
    tolerances: tuple[TolerancePolicy, ...] = ()
    """What may differ by how much."""
    ignored: tuple[IgnoredPolicy, ...] = ()
    """What is not judged at all."""
    gate: GatePolicy = Field(default_factory=GatePolicy)
    """What makes a comparison fail."""
    level: Literal["scalars", "digest"] = "digest"
    """What is recorded of tensors: nothing, or digests."""

    @model_validator(mode="after")
    def _names_differ(self) -> "Policy":
        names = [pair.name for pair in self.pairs]
        if len(set(names)) < len(names):
            message = f"pair names must differ, not {', '.join(names)}"
            raise ValueError(message)
        return self
