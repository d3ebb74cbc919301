"""The policy: which pairs are compared, under which conditions. Read from ``[tool.parity]`` of a pyproject.toml."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from parity.errors import PolicyError

FILE: Final = "pyproject.toml"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScenarioPolicy(_Strict):
    """One condition under which a pair is compared.

    ``arguments`` are appended to those of the pair, ``candidate_arguments`` to the candidate's command alone, where the
    two command lines differ. ``prepare`` arguments make an earlier run of the same program, on
    each side with its own, into the same output directory: a resume is ``prepare`` up to some iteration, then the
    scenario.
    ``updates``, ``seed`` and ``world`` are those of ``parity compare``.
    """

    name: Name
    tier: Literal["quick", "full"] = "quick"
    arguments: str = ""
    candidate_arguments: str = ""
    prepare: str | None = None
    world: Annotated[int, Field(ge=1, le=4096)] = 1
    updates: Annotated[int, Field(ge=1)] | None = None
    seed: int | None = None


class PairPolicy(_Strict):
    """A reference command and a candidate command that must train the same way.

    ``setup`` commands run once before the scenarios. In every command ``{shared}`` is a directory of the pair, made
    anew for each session, and ``{out}`` a directory of each side of each scenario; ``{arguments}`` in the two training
    commands is where the arguments of pair and scenario go (at the end where it is left out).
    """

    name: Name
    reference: Annotated[str, Field(min_length=1)]
    candidate: Annotated[str, Field(min_length=1)]
    arguments: str = ""
    setup: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    scenarios: tuple[ScenarioPolicy, ...]

    @field_validator("scenarios")
    @classmethod
    def _not_empty(cls, scenarios: tuple[ScenarioPolicy, ...]) -> tuple[ScenarioPolicy, ...]:
        if not scenarios:
            message = "a pair needs at least one scenario"
            raise ValueError(message)
        return scenarios

    @model_validator(mode="after")
    def _names_differ(self) -> "PairPolicy":
        names = [scenario.name for scenario in self.scenarios]
        if len(set(names)) < len(names):
            message = f"scenario names must differ, not {', '.join(names)}"
            raise ValueError(message)
        return self


class Policy(_Strict):
    """Everything under ``[tool.parity]``."""

    pairs: tuple[PairPolicy, ...] = ()
    level: Literal["scalars", "digest"] = "digest"

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
    try:
        return Policy.model_validate(table)
    except ValidationError as error:
        problems = "\n".join(f"  {_where(one['loc'])}: {_problem(one)}" for one in error.errors())
        message = f"{path} [tool.parity] has {error.error_count()} problem(s):\n{problems}"
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
