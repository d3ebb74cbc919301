"""Every verb in a process of its own, as a user starts it; what each of them does is proved by calling it."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from parity.cli import main
from tests.e2e.programs import TINY, command, parity_process

FAR = "2999-01-01"
SIDES = "reports/out/compare/scratch"
VERBS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "record": (("-o", "trace", "--", sys.executable, str(TINY), "--steps=1"), 0, "step 0"),
    "compare": ((command(TINY, "--steps=1"), command(TINY, "--steps=1", "--lr=0.02"), "--noise-runs=0"), 1, "lr"),
    "bisect": (("true", "--good", "HEAD", "--bad", "HEAD"), 2, ""),
    "diff": ((f"{SIDES}/reference/trace", f"{SIDES}/candidate/trace"), 1, "lr"),
    "lint": (("trace",), 0, "trace"),
    "report": (("reports/out/compare",), 1, "Different"),
    "gate": ((), 1, "different  compare/scratch"),
    "accept": (("FINGERPRINT", "--reason", "meant", "--owner", "me", "--expires", FAR), 0, ""),
    "approve": (("compare",), 0, ""),
    "export": (("trace", "-o", "trace.csv"), 0, ""),
    "import": (("log.txt", "-o", "imported", "--kind", "log"), 0, ""),
    "checkpoint": (("state.json", "state.json"), 0, "dentical"),
    "surface": (("train.py", "train.py"), 0, ""),
    "init": (("--print",), 0, "[tool.parity]"),
    "run": (("--config", "policy.toml", "--noise-runs=0"), 0, "dentical"),
    "cache": ((), 0, ""),
    "doctor": ((), 0, ""),
    "completion": (("bash",), 0, "_PARITY_COMPLETE"),
    "help": (("policy",), 0, "policy"),
}
POLICY = f"""
[[tool.parity.pairs]]
name = "tiny"
reference = "{command(TINY, "--steps=1")}"
candidate = "{command(TINY, "--steps=1")}"
scenarios = [{{ name = "scratch" }}]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project; the verbs leave there what those below them in the table need."""
    place = tmp_path_factory.mktemp("processes")
    shutil.copy(TINY, place / "train.py")
    (place / "policy.toml").write_text(POLICY, encoding="utf-8")
    (place / "log.txt").write_text("step 0: loss 1.5\n", encoding="utf-8")
    (place / "state.json").write_text('{"weight": 1}', encoding="utf-8")
    return place


def test_every_verb_is_in_the_table() -> None:
    assert set(VERBS) == set(main.commands)


def test_each_verb_answers_with_its_exit_code(place: Path) -> None:
    for verb, (arguments, code, said) in VERBS.items():
        words = [fingerprint(place) if word == "FINGERPRINT" else word for word in arguments]
        done = parity_process(verb, *words, cwd=place, CI="", PARITY_CACHE="kept")
        assert (done.returncode, said in done.stdout.decode()) == (code, True), (verb, done.stdout, done.stderr)
        assert b"Traceback" not in done.stderr, (verb, done.stderr)


def fingerprint(place: Path) -> str:
    result = json.loads((place / SIDES / "result.json").read_text(encoding="utf-8"))
    return next(one["fingerprint"] for one in result["gate"]["charges"] if one["gates"])
