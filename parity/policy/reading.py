"""Finds the policy and the ledger in their files, and lists everything that is wrong with them at once."""

import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

from parity.errors import PolicyError
from parity.policy.base import Table
from parity.policy.problems import problems_of
from parity.policy.waivers import LedgerPolicy
from parity.policy.whole import Policy

FILE: Final = "pyproject.toml"
_Model = TypeVar("_Model", bound=Table)


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
        message = f"{path} has no [tool.parity] table; name another file, or add one to it with: parity init"
        raise PolicyError(message)
    return _checked(Policy, table, f"{path} [tool.parity]")


def read_ledger(path: Path) -> LedgerPolicy:
    """Read and check the ledger in ``path``; one that does not exist is empty.

    Raises:
        PolicyError: as for a policy.
    """
    return _checked(LedgerPolicy, _table(path), str(path)) if path.is_file() else LedgerPolicy()


def _checked(model: type[_Model], table: object, what: str) -> _Model:
    problems = problems_of(model, table)
    if problems:
        number = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "".join(f"\n  {one}" for one in problems)
        message = f"{what} has {number}:{lines}"
        raise PolicyError(message)
    return model.model_validate(table)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{path} does not exist; name a TOML file with a [tool.parity] table, or write one with: parity init"
        raise PolicyError(message) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} cannot be read as TOML: {error}"
        raise PolicyError(message) from error


def _tools(path: Path) -> dict[str, Any]:
    tools = _table(path).get("tool", {})
    if not isinstance(tools, dict):
        message = f"{path}: tool must be a table, not {tools!r}"
        raise PolicyError(message)
    return tools
