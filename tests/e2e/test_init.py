"""The first five minutes: a policy from looking at a repository, and what a shell completes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import ROOT, TINY, parity


def test_a_foreign_repository_gets_a_policy_that_runs(tmp_path: Path) -> None:
    (tmp_path / "legacy").mkdir()
    (tmp_path / ".git").mkdir()
    shutil.copy(TINY, tmp_path / "legacy" / "train.py")
    shutil.copy(TINY, tmp_path / "train.py")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'theirs'  # kept\n", encoding="utf-8")
    said = parity("init", cwd=tmp_path)
    assert (said.returncode, b"wrote 1 pair" in said.stdout) == (0, True), said.stderr
    text = (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    assert text.startswith("[project]\nname = 'theirs'  # kept\n\n[tool.parity]\n")
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "reports/out/\n"
    ran = parity("run", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "reports/out/train/report.md").is_file()
    again = parity("init", cwd=tmp_path)
    assert (again.returncode, b"has a policy already" in again.stderr) == (2, True)
    assert parity("init", "--print", cwd=tmp_path).stdout.startswith(b"[tool.parity]\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str, tmp_path: Path) -> None:
    said = parity("completion", shell, cwd=tmp_path)
    assert (said.returncode, b"_PARITY_COMPLETE" in said.stdout) == (0, True), said.stderr


def test_bash_completes_verbs(tmp_path: Path) -> None:
    environment = {"COMP_WORDS": "parity com", "COMP_CWORD": "1", "_PARITY_COMPLETE": "bash_complete"}
    program = "import sys; sys.argv[0] = 'parity'; from parity.cli import main; main(prog_name='parity')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == {"compare", "completion"}
