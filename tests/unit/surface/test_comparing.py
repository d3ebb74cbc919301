"""One row for each kind of difference between two sources, and what is none."""

import json
import textwrap
from pathlib import Path

import pytest

from parity.compare.surface import SurfaceDifference, SurfaceKind, compare_surfaces, same_value
from parity.surface.reading import read_surface
from tests.e2e.programs import parity

KINDS = SurfaceKind
LOOP = """
for batch in data:
    {}
"""
ROWS = {
    "missing": ("p.add_argument('--lr')", "", [(KINDS.FLAG_MISSING, "lr", ())]),
    "added": ("", "p.add_argument('--lr')", [(KINDS.FLAG_EXTRA, "lr", ())]),
    "default": (
        "p.add_argument('--lr', default=1)",
        "p.add_argument('--lr', default=2)",
        [(KINDS.FLAG_DEFAULT, "lr", ())],
    ),
    "default-gone": ("p.add_argument('--lr', default=1)", "p.add_argument('--lr')", [(KINDS.FLAG_DEFAULT, "lr", ())]),
    "none-given": ("p.add_argument('--lr', default=None)", "p.add_argument('--lr')", []),
    "computed": (
        "p.add_argument('--d', default=1)",
        "p.add_argument('--d', default=f())",
        [(KINDS.FLAG_COMPUTED, "d", ())],
    ),
    "renamed": (
        "p.add_argument('--learning-rate', default=1)",
        "p.add_argument('--learn-rate', default=1)",
        [(KINDS.FLAG_RENAMED, "learning_rate", ())],
    ),
    "name-unit-default": (
        "p.add_argument('--warmup-steps', default=0)",
        "p.add_argument('--warmup-pct', default=0.05)",
        [(KINDS.FLAG_RENAMED, "warmup_steps", ("unit steps -> pct", "default 0 -> 0.05"))],
    ),
    "numbers-of-two-things": (
        "p.add_argument('--num-steps', default=10)",
        "p.add_argument('--num-epochs', default=1)",
        [(KINDS.FLAG_MISSING, "num_steps", ()), (KINDS.FLAG_EXTRA, "num_epochs", ())],
    ),
    "letters-in-common": (
        "p.add_argument('--streaming', default=True)",
        "p.add_argument('--training-state', default=True)",
        [(KINDS.FLAG_MISSING, "streaming", ()), (KINDS.FLAG_EXTRA, "training_state", ())],
    ),
    "abbreviated": (
        "p.add_argument('--n-embed', default=1)",
        "p.add_argument('--n-embd', default=1)",
        [(KINDS.FLAG_RENAMED, "n_embed", ())],
    ),
    "unrelated": (
        "p.add_argument('--alpha')",
        "p.add_argument('--seed')",
        [(KINDS.FLAG_MISSING, "alpha", ()), (KINDS.FLAG_EXTRA, "seed", ())],
    ),
    "order": (
        LOOP.format("o.zero_grad(); loss.backward(); opt.step()"),
        LOOP.format("loss.backward(); opt.step(); o.zero_grad()"),
        [(KINDS.STEP_ORDER, "training loop", ())],
    ),
    "feature-missing": ("import wandb", "", [(KINDS.FEATURE_MISSING, "Weights & Biases", ())]),
    "feature-added": ("", "import wandb", [(KINDS.FEATURE_EXTRA, "Weights & Biases", ())]),
    "definition-missing": ("def f(): return 1", "", [(KINDS.DEFINITION_MISSING, "f", ())]),
    "definition-added": ("", "def f(): return 1", [(KINDS.DEFINITION_EXTRA, "f", ())]),
    "definition-changed": ("def f(): return 1", "def f(): return 2", [(KINDS.DEFINITION_CHANGED, "f", ())]),
    "definition-moved": (
        "def f(): return 1",
        "class A:\n    def f(self): return 1",
        [(KINDS.DEFINITION_MOVED, "f", ()), (KINDS.DEFINITION_EXTRA, "A", ())],
    ),
    "definition-renamed": (
        "def f(x):\n    y = x\n    return y",
        "def g(z):\n    y = z\n    return y",
        [(KINDS.DEFINITION_RENAMED, "f", ())],
    ),
}
SAME = {
    "spelling": ("p.add_argument('--lr', default=1e-3)", 'p.add_argument("--lr", default=0.001)'),
    "dashes": ("p.add_argument('--min-lr')", "p.add_argument('--min_lr')"),
    "style": ("p.add_argument('--lr', default=1)", "@dataclass\nclass Config:\n    lr: int = 1"),
    "layout": ("def f(x):\n    return x  # yes", "def f(x): return x"),
    "repeated-step": (
        LOOP.format("loss.backward(); opt.step()"),
        LOOP.format("loss.backward(); loss.backward(); opt.step()"),
    ),
}


def differences(place: Path, reference: str, candidate: str) -> list[SurfaceDifference]:
    surfaces = []
    for side, text in (("reference", reference), ("candidate", candidate)):
        (place / side).mkdir()
        (place / side / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
        surfaces.append(read_surface(place / side / "train.py"))
    return list(compare_surfaces(*surfaces))


@pytest.mark.parametrize(("reference", "candidate", "expected"), ROWS.values(), ids=ROWS)
def test_differences(reference: str, candidate: str, expected: list[tuple[object, ...]], tmp_path: Path) -> None:
    found = differences(tmp_path, reference, candidate)
    assert [(one.kind, one.name, one.changes) for one in found] == expected
    for one in found:
        assert (one.reference_place is None) == (not one.reference)
        assert (one.candidate_place is None) == (not one.candidate)


@pytest.mark.parametrize(("reference", "candidate"), SAME.values(), ids=SAME)
def test_no_differences(reference: str, candidate: str, tmp_path: Path) -> None:
    found = [one for one in differences(tmp_path, reference, candidate) if one.kind is not KINDS.DEFINITION_EXTRA]
    assert found == []


def test_every_kind_has_a_row() -> None:
    assert {kind for _, _, expected in ROWS.values() for kind, *_ in expected} == set(KINDS)


@pytest.mark.parametrize(
    ("reference", "candidate", "same"),
    [
        ("1e-3", "0.001", True),
        ("['a']", "('a',)", True),
        ("'a'", '"a"', True),
        ("1", "1.0", True),
        ("1", "True", False),
        ("0", "False", False),
        ("f()", "f()", True),
        ("f()", "g()", False),
        ("1", "", False),
        ("None", "0", False),
        ("None", "None", True),
    ],
)
def test_values(reference: str, candidate: str, same: bool) -> None:
    assert same_value(reference, candidate) is same
    assert same_value(candidate, reference) is same


def test_the_command_prints_both_places_and_gates_on_flags(tmp_path: Path) -> None:
    reference, candidate, _ = ROWS["name-unit-default"]
    differences(tmp_path, reference, candidate)
    done = parity("surface", "reference/train.py", "candidate/train.py", cwd=tmp_path)
    assert done.returncode == 1
    line = "flag renamed (unit steps -> pct; default 0 -> 0.05): warmup_steps = 0 [train.py:1] -> warmup_pct = 0.05"
    assert line in done.stdout.decode()
    done = parity("surface", "reference", "reference", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert (done.returncode, result["exit_code"], result["differences"]) == (0, 0, [])
    assert result["reference"]["files"][0]["file"] == "train.py"
    done = parity("surface", "nothing", "reference", cwd=tmp_path)
    assert (done.returncode, b"neither a file nor a folder" in done.stderr) == (2, True)
