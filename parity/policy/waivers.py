"""What is accepted: the ledger beside the policy."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from parity.policy.base import Name, Table


class WaiverPolicy(Table):
    """An accepted finding in the ledger, as ``parity accept`` writes it.

    ``scenario``, ``channel`` and ``name`` are patterns; ``name`` must fit every series of the finding. The other keys
    are the signature of the defect: what is left out may be anything. ``expires`` is the last day on which it holds.
    """

    pair: Name
    """Name of the pair."""
    scenario: Annotated[str, Field(min_length=1)] = "*"
    """Pattern of scenarios."""
    channel: Annotated[str, Field(min_length=1)]
    """Pattern of channels; `invariant` for what must hold in any run."""
    name: str = "*"
    """Pattern of series; of an invariant, its name."""
    verdict: Literal["different", "missing", "extra", "equivalent", "not-compared", "violated"]
    """Of which verdict."""
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = None
    """Fingerprint, as reports print it."""
    update: Annotated[int, Field(ge=-1)] | None = None
    """Update of the first difference."""
    reference: str | None = None
    """The reference's value there."""
    candidate: str | None = None
    """The candidate's value there."""
    differing: Annotated[int, Field(ge=0)] | None = None
    """Number of values that differ."""
    size: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """All their distances together, each relative to the reference."""
    reason: Annotated[str, Field(min_length=1)]
    """Why it is meant."""
    owner: Annotated[str, Field(min_length=1)]
    """Who answers for it."""
    expires: Annotated[date, Field(strict=True)]
    """The last day on which it is accepted."""


class LedgerPolicy(Table):
    """The whole ledger: ``reports/waivers.toml``."""

    waivers: tuple[WaiverPolicy, ...] = ()
    """What is accepted."""
