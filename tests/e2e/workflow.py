"""Runs the steps of a composite action as GitHub would: expressions, conditions, outputs, shell and directory."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_CLAUSE = re.compile(r"([\w.-]+)\s*(==|!=)\s*'([^']*)'")
_SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]


@dataclass
class Action:
    """An action as one job sees it: what it was given, and what came of its steps so far."""

    workspace: Path
    definition: dict[str, Any]
    given: dict[str, str]
    event: dict[str, Any]
    environment: dict[str, str]
    outcomes: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    uploaded: set[str] = field(default_factory=set)
    said: str = ""

    def run(self) -> bool:
        """Run all steps; whether none has failed."""
        assert set(self.given) <= set(self.definition["inputs"]), "an input that the action does not have"
        for step in self.definition["runs"]["steps"]:
            self._run_step(step)
        return "failure" not in self.outcomes.values()

    def text(self, content: str) -> str:
        """``content`` with every ``${{ ... }}`` in place."""
        return _EXPRESSION.sub(lambda found: str(self._value(found[1])), content)

    def _run_step(self, step: dict[str, Any]) -> None:
        name = step["name"]
        if not self._holds(step.get("if", "success()")):
            self.outcomes[name] = "skipped"
        elif "uses" in step:
            self.outcomes[name] = self._use(step)
        else:
            self.outcomes[name] = self._execute(step)

    def _execute(self, step: dict[str, Any]) -> str:
        assert step["shell"] == "bash", "GitHub asks for a shell in every step of an action"
        script, output = (self.workspace.parent / name for name in ("step.sh", "output.txt"))
        script.write_text(self.text(step["run"]), encoding="utf-8")
        output.write_text("", encoding="utf-8")
        own = {name: self.text(value) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            [*_SHELL, str(script)],
            cwd=self.workspace,
            env={**os.environ, "CI": "true", **self.environment, **own, "GITHUB_OUTPUT": str(output)},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.said += f"== {step['name']}\n{done.stdout}{done.stderr}"
        if "id" in step:
            lines = output.read_text(encoding="utf-8").splitlines()
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        return "failure" if done.returncode else "success"

    def _use(self, step: dict[str, Any]) -> str:
        """Of other actions, the upload alone is known: it takes what its patterns find."""
        assert step["uses"].startswith("actions/upload-artifact@"), step["uses"]
        patterns = self.text(step["with"]["path"]).split()
        found = [path for pattern in patterns for path in self.workspace.glob(pattern)]
        assert all(path.is_file() for path in found)
        self.uploaded |= {path.relative_to(self.workspace).as_posix() for path in found}
        return "success"

    def _holds(self, condition: str) -> bool:
        clauses = [clause.strip() for clause in condition.split("&&")]
        asked = any(clause.endswith("()") for clause in clauses)
        return all(self._clause(clause) for clause in (clauses if asked else ["success()", *clauses]))

    def _clause(self, clause: str) -> bool:
        if clause in ("always()", "success()"):
            return clause == "always()" or "failure" not in self.outcomes.values()
        compared = _CLAUSE.fullmatch(clause)
        assert compared is not None, f"{clause!r} is beyond this evaluator"
        # An absent value equals the empty text: GitHub turns both into the number 0.
        return (str(self._value(compared[1])) == compared[3]) == (compared[2] == "==")

    def _value(self, expression: str) -> Any:
        context, *keys = expression.split(".")
        defaults = {name: str(one.get("default", "")) for name, one in self.definition["inputs"].items()}
        steps = {name: {"outputs": values} for name, values in self.outputs.items()}
        value: Any = {"inputs": {**defaults, **self.given}, "steps": steps, "github": self.event}[context]
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return "" if value is None else value


def read_action(path: Path) -> dict[str, Any]:
    """The definition of a composite action."""
    definition: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert definition["runs"]["using"] == "composite"
    return definition
