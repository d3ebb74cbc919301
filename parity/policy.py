"""The policy: which pairs are compared, under which conditions. Read from ``[tool.parity]`` of a pyproject.toml."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from parity.errors import PolicyError

FILE: Final = "pyproject.toml"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


_INDEX: Final = {"type": "integer", "minimum": 0}


class InterruptPolicy(_Strict):
    """A signal that a program is sent while it trains, always at the same place.

    It arrives when the optimizer's step of ``update`` is done, or, with ``micro_step``, when the backward of that
    micro-step of ``update`` is; both are counted from 0. Several updates make a scenario for each. ``ranks`` names
    those that get it, by default all.
    """

    signal: Literal["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"]
    """The signal."""
    update: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Field(min_length=1),
        BeforeValidator(_several),
        WithJsonSchema({"anyOf": [_INDEX, {"type": "array", "items": _INDEX, "minItems": 1}]}),
    ]
    """Update at which it arrives, from 0; of several, each makes a scenario of its own."""
    micro_step: Annotated[int, Field(ge=0)] | None = None
    """Micro-step of that update, from 0; without, it arrives when the step of the optimizer is done."""
    ranks: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Ranks that get it; without, all."""


class ScenarioPolicy(_Strict):
    """One condition under which a pair is compared: see docs/scenarios.md.

    ``arguments`` are appended to those of the pair, ``candidate_arguments`` to the candidate's command alone, where the
    two command lines differ. ``prepare`` arguments make an earlier run of the same program, on
    each side with its own, into the same output directory: a resume is ``prepare`` up to some iteration, then the
    scenario. What else is compared of it, ``kind`` says; ``straight`` arguments make the run that was never stopped.
    ``interrupt`` stops the earlier run, or, of kind ``interrupt``, the run itself. ``damage`` spoils the newest
    checkpoint between the two.
    ``updates``, ``seed``, ``world``, ``engine`` and ``follow`` are those of ``parity compare``; ``environment`` adds to
    that of the pair and replaces what it sets.
    """

    name: Name
    """Name, unique in its pair."""
    kind: Literal["train", "resume", "cross-load", "interrupt"] = "train"
    """Which runs are made and compared."""
    tier: Literal["quick", "full"] = "quick"
    """`full` runs only with `parity run --full`."""
    arguments: str = ""
    """Appended to both commands."""
    candidate_arguments: str = ""
    """Appended to the candidate's command alone."""
    prepare: str | None = None
    """Arguments of an earlier run into the same output directory."""
    straight: str | None = None
    """Arguments of the run that is never stopped."""
    interrupt: InterruptPolicy | None = None
    """Stops the earlier run, or, of kind `interrupt`, the run itself."""
    damage: Literal["truncate", "garble"] | None = None
    """Spoils the newest checkpoint between the two runs."""
    world: Annotated[int, Field(ge=1, le=4096)] = 1
    """Number of ranks."""
    engine: Literal["auto", "baton", "gloo", "nccl", "fake"] = "auto"
    """How ranks are run."""
    updates: Annotated[int, Field(ge=1)] | None = None
    """Ends both sides after so many updates."""
    seed: int | None = None
    """Seeds torch, numpy and random before user code."""
    follow: bool = False
    """Then runs both sides in lockstep, so that every phase is judged on its own; only of kind `train`."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Environment variables of both sides."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "ScenarioPolicy":
        given = {name for name in _KEYS_OF_KINDS if getattr(self, name) is not None}
        needed, allowed = _NEEDED[self.kind], {name for name, kinds in _KEYS_OF_KINDS.items() if self.kind in kinds}
        problems = [f"needs {name}" for name in sorted(needed - given)]
        problems += [f"takes no {name}" for name in sorted(given - allowed)]
        problems += ["takes no follow"] if self.follow and self.kind != "train" else []
        if problems:
            message = f"a scenario of kind {self.kind} {' and '.join(problems)}"
            raise ValueError(message)
        return self

    def each(self) -> "tuple[ScenarioPolicy, ...]":
        """This scenario, or one for each update at which it is interrupted where there are several."""
        interrupt = self.interrupt
        if interrupt is None or len(interrupt.update) == 1:
            return (self,)
        return tuple(
            self.model_copy(
                update={"name": f"{self.name}-{at}", "interrupt": interrupt.model_copy(update={"update": (at,)})}
            )
            for at in interrupt.update
        )


_KEYS_OF_KINDS: Final = {
    "prepare": ("train", "resume", "cross-load"),
    "straight": ("resume",),
    "interrupt": ("interrupt", "resume", "cross-load"),
    "damage": ("resume",),
}
_NEEDED: Final[dict[str, set[str]]] = {
    "train": set(),
    "resume": {"prepare", "straight"},
    "cross-load": {"prepare"},
    "interrupt": {"interrupt"},
}


class PairPolicy(_Strict):
    """A reference command and a candidate command that must train the same way.

    ``setup`` commands run once before the scenarios. In every command ``{shared}`` is a directory of the pair, made
    anew for each session, and ``{out}`` a directory of each side of each scenario; ``{arguments}`` in the two training
    commands is where the arguments of pair and scenario go (at the end where it is left out).
    """

    name: Name
    """Name, unique in the policy."""
    reference: Annotated[str, Field(min_length=1)]
    """Command of the reference."""
    candidate: Annotated[str, Field(min_length=1)]
    """Command of the candidate."""
    arguments: str = ""
    """Appended to both commands."""
    setup: tuple[str, ...] = ()
    """Commands that run once before the scenarios."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Environment variables of both sides."""
    baseline: bool = False
    """Whether the reference is not run, and its traces are taken from `reports/baselines`."""
    scenarios: tuple[ScenarioPolicy, ...]
    """The conditions under which the pair is compared."""

    @field_validator("scenarios")
    @classmethod
    def _not_empty(cls, scenarios: tuple[ScenarioPolicy, ...]) -> tuple[ScenarioPolicy, ...]:
        if not scenarios:
            message = "a pair needs at least one scenario"
            raise ValueError(message)
        return scenarios

    @model_validator(mode="after")
    def _fits_together(self) -> "PairPolicy":
        names = [one.name for scenario in self.scenarios for one in scenario.each()]
        if len(set(names)) < len(names):
            message = f"scenario names must differ, not {', '.join(names)}"
            raise ValueError(message)
        running = [one.name for one in self.scenarios if one.follow or one.kind != "train" or one.prepare is not None]
        if self.baseline and running:
            message = f"a baseline can be neither followed nor resumed nor interrupted, as in {', '.join(running)}"
            raise ValueError(message)
        return self


class TolerancePolicy(_Strict):
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


class IgnoredPolicy(_Strict):
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


class GateRulePolicy(_Strict):
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


class GatePolicy(_Strict):
    """What makes a comparison fail beyond, and short of, what differs in the training.

    A waiver that ends within ``expires_soon`` days is announced.
    """

    expires_soon: Annotated[int, Field(ge=0)] = 14
    """Days before its end at which a waiver is announced."""
    rules: tuple[GateRulePolicy, ...] = ()
    """The first rule that fits a finding decides about it."""


class WaiverPolicy(_Strict):
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


class LedgerPolicy(_Strict):
    """The whole ledger: ``reports/waivers.toml``."""

    waivers: tuple[WaiverPolicy, ...] = ()
    """What is accepted."""


class Policy(_Strict):
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


def find_policy(start: Path) -> Path | None:
    """The nearest pyproject.toml with a ``[tool.parity]`` table, from ``start`` upwards."""
    for directory in (start, *start.parents):
        path = directory / FILE
        if path.is_file() and "parity" in _tools(path):
            return path
    return None


def read_policy(path: Path) -> Policy:
    """Read and check the policy in ``path``.

    Raises:
        PolicyError: the file cannot be read, or holds unknown or invalid keys; the message lists all of them.
    """
    table = _tools(path).get("parity")
    if table is None:
        message = f"{path} has no [tool.parity] table; name another file with --config, or add one pair to it"
        raise PolicyError(message)
    return _checked(Policy, table, f"{path} [tool.parity]")


def read_ledger(path: Path) -> LedgerPolicy:
    """Read and check the ledger in ``path``; one that does not exist is empty.

    Raises:
        PolicyError: as for a policy.
    """
    return _checked(LedgerPolicy, _table(path), str(path)) if path.is_file() else LedgerPolicy()


_Model = TypeVar("_Model", bound=_Strict)


def _checked(model: type[_Model], table: object, what: str) -> _Model:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems = "\n".join(f"  {_where(one['loc'])}: {_problem(one)}" for one in error.errors())
        message = f"{what} has {error.error_count()} problem(s):\n{problems}"
        raise PolicyError(message) from error


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} cannot be read as TOML: {error}"
        raise PolicyError(message) from error


def _tools(path: Path) -> dict[str, Any]:
    tools = _table(path).get("tool", {})
    if not isinstance(tools, dict):
        message = f"{path}: tool must be a table, not {tools!r}"
        raise PolicyError(message)
    return tools


def _where(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _problem(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown key (value {error['input']!r})"
    return f"{error['msg']} (value {error['input']!r})"
