"""The witnesses are frozen and stand alone."""

import ast
import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HASHES = Path(__file__).with_name("hashes.txt")
WITNESSES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "legacy").rglob("*.py"))


def frozen() -> dict[str, str]:
    lines = HASHES.read_text(encoding="ascii").split("\n")
    return {name: digest for digest, name in (line.split("  ") for line in lines if line)}


def test_every_witness_is_frozen() -> None:
    assert WITNESSES == sorted(frozen())


@pytest.mark.parametrize("name", WITNESSES)
def test_witness_is_unchanged(name: str) -> None:
    digest = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
    assert digest == frozen()[name], f"{name} is frozen: undo the change, or record why in legacy/README.md"


@pytest.mark.parametrize("name", WITNESSES)
def test_witness_imports_nothing_of_this_project(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {one.partition(".")[0] for one in imported} & {"parity", "trainers", "tests"}
