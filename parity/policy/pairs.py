"""What is compared: pairs of commands, and the conditions under which they run."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from parity.policy.base import Name, Table


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


_INDEX: Final = {"type": "integer", "minimum": 0}


class InterruptPolicy(Table):
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


class ScenarioPolicy(Table):
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
    clock: bool = False
    """Gives both sides a clock that moves by one second with every update, so that times and rates are compared."""
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


class PairPolicy(Table):
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
