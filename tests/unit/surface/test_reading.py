"""What is read from the source of a program, one row for each way of writing it."""

import textwrap
from pathlib import Path

import pytest

from parity.errors import SurfaceUnreadableError
from parity.surface.model import Surface
from parity.surface.reading import read_surface, read_surface_of
from tests.e2e.programs import ROOT


def surface(place: Path, text: str, **beside: str) -> Surface:
    (place / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
    for name, content in beside.items():
        (place / f"{name}.py").write_text(textwrap.dedent(content), encoding="utf-8")
    return read_surface(place / "train.py")


FLAGS = {
    "argparse": ('parser.add_argument("--lr", type=float, default=1e-3)', ("lr", "0.001", "float", "argparse")),
    "argparse-switch": (
        'parser.add_argument("-a", "--amp", action="store_true")',
        ("amp", "False", "bool", "argparse"),
    ),
    "argparse-short": ('parser.add_argument("-n", type=int)', ("n", "", "int", "argparse")),
    "argparse-dashes": ('parser.add_argument("--min-lr")', ("min_lr", "", "", "argparse")),
    "argparse-by-another-name": (
        'add = parser.add_argument\nadd("--lr", type=float, default=0.1, help="the rate")',
        ("lr", "0.1", "float", "argparse"),
    ),
    "argparse-default-of-a-field": (
        'class Held:\n    lr: float = 0.1\ndef parse():\n    d = Held()\n    parser.add_argument("--lr", default=d.lr)',
        ("lr", "0.1", "", "argparse"),
    ),
    "argparse-default-of-several": (
        'LR, EPS = 0.1, 1e-8\nparser.add_argument("--eps", default=EPS)',
        ("eps", "1e-08", "", "argparse"),
    ),
    "argparse-named-default": ('LR = 3\nparser.add_argument("--lr", default=LR)', ("lr", "3", "", "argparse")),
    "click": (
        '@click.option("--lr", "-l", type=float, default=0.1)\ndef main(lr): pass',
        ("lr", "0.1", "float", "click"),
    ),
    "click-switch": (
        '@click.option("--amp/--no-amp", is_flag=True)\ndef main(amp): pass',
        ("amp", "False", "bool", "click"),
    ),
    "typer": ("def main(lr: float = typer.Option(0.1, '--rate')): pass", ("rate", "0.1", "float", "typer")),
    "typer-annotated": (
        "def main(*, lr: Annotated[float, typer.Option(help='x')] = 0.1): pass",
        ("lr", "0.1", "float", "typer"),
    ),
    "global": ("lr = 1e-3 # peak\nexec(open('configurator.py').read())", ("lr", "0.001", "", "global")),
    "global-choice": ("d = 'a' if has() else 'b'\noverride(globals())", ("d", "'a' if has() else 'b'", "", "global")),
    "dataclass": ("@dataclass\nclass TrainConfig:\n    lr: float = 0.1", ("lr", "0.1", "float", "dataclass")),
    "dataclass-field": (
        "@dataclass(frozen=True)\nclass Config:\n    lr: float = field(default=0.1)",
        ("lr", "0.1", "float", "dataclass"),
    ),
    "arguments-class": ("class Mine(TrainingArguments):\n    lr: float = 0.1", ("lr", "0.1", "float", "dataclass")),
    "pydantic": ("class Mine(BaseModel):\n    lr: float = Field(0.1)", ("lr", "0.1", "float", "dataclass")),
}
NO_FLAGS = {
    "another-function": "show('--lr', help='x', colour='red')",
    "positional": 'parser.add_argument("file")',
    "after-the-configurator": "exec(open('c.py').read())\nlr = 1",
    "computed": "lr = compute()\nexec(open('c.py').read())",
    "private": "_lr = 1\nexec(open('c.py').read())",
    "no-configurator": "lr = 1",
    "other-dataclass": "@dataclass\nclass Batch:\n    size: int = 3",
    "no-default": "@dataclass\nclass Config:\n    lr: float",
    "other-option": "option('--lr')",
}


@pytest.mark.parametrize(("text", "expected"), FLAGS.values(), ids=FLAGS)
def test_flags(text: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    found = surface(tmp_path, text).flags
    assert [(one.name, one.default, one.type, one.style) for one in found] == [expected]
    assert found[0].place.file == "train.py"
    assert text.splitlines()[found[0].place.line - 1].strip()


@pytest.mark.parametrize("text", NO_FLAGS.values(), ids=NO_FLAGS)
def test_what_is_no_flag(text: str, tmp_path: Path) -> None:
    assert surface(tmp_path, text).flags == ()


def test_a_configuration_class_repeats_what_the_command_line_declares(tmp_path: Path) -> None:
    found = surface(
        tmp_path,
        """
        @dataclass
        class Config:
            lr: float = 0.5
            width: int = 3

        parser.add_argument("--lr", default=0.1)
        """,
    )
    assert {(one.name, one.style) for one in found.flags} == {("lr", "argparse"), ("width", "dataclass")}


LOOP = """
    for batch in data:
        optimizer.zero_grad()
        loss = model(batch)
        scaler.scale(loss).backward()
        finish(model)
        scheduler.step()
    def finish(model):
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
"""


def test_the_training_loop_is_followed_through_functions(tmp_path: Path) -> None:
    steps = surface(tmp_path, LOOP).steps
    assert [step.name for step in steps] == ["zero_grad", "backward", "clip", "scaler step", "scheduler step"]
    assert [step.place.line for step in steps] == [3, 5, 9, 10, 7]


OBJECTS = """
class Updater:
    def __call__(self, loss):
        self.opt.zero_grad()
        loss.backward()
        self.finish()

    def finish(self):
        self.opt.step()

class Scaled(Updater):
    def finish(self):
        self.scaler.step(self.opt)

class Book:
    def __call__(self): torch.save(self)
    def finish(self): torch.save(self)

class Engine:
    def __init__(self, updater: Updater | None, book: "Book", other):
        self.updater, self.book = updater, book
        self.other = other

    def run(self):
        for batch in self.batches:
            self.updater(self.model(batch))
            LAST
"""


@pytest.mark.parametrize(
    ("last", "more"),
    [
        ("self.book.finish()", ["save"]),
        ("self.book()", ["save"]),
        ("self.other.finish()", []),
        ("self.finish()", []),
        ("self.other(batch)", []),
    ],
)
def test_objects_are_followed_where_their_class_is_clear(tmp_path: Path, last: str, more: list[str]) -> None:
    steps = surface(tmp_path, OBJECTS.replace("LAST", last)).steps
    assert [step.name for step in steps] == ["zero_grad", "backward", "optimizer step", *more]


@pytest.mark.parametrize(
    ("made", "step"),
    [
        ("updater = Scaled()", "scaler step"),
        ("Engine(updater=Updater())", "optimizer step"),
        ("Engine(updater=Scaled())", None),
    ],
)
def test_objects_are_of_the_class_that_they_are_made_of(tmp_path: Path, made: str, step: str | None) -> None:
    text = OBJECTS.replace("updater: Updater | None", "updater" if "= S" in made else "updater: Updater")
    found = [one.name for one in surface(tmp_path, text.replace("LAST", "pass") + made).steps]
    assert found[-1:] == ([step] if step else [])


def test_recursion_ends(tmp_path: Path) -> None:
    steps = surface(tmp_path, LOOP.replace("def finish(model):", "def finish(model):\n        finish(model)")).steps
    assert [step.name for step in steps] == ["zero_grad", "backward", "clip", "scaler step", "scheduler step"]


def test_a_loop_that_only_evaluates_is_no_training_loop(tmp_path: Path) -> None:
    assert surface(tmp_path, "for x in y:\n    model.eval()\n    z.zero_grad()").steps == ()


FEATURES = {
    "gradient clipping": "torch.nn.utils.clip_grad_norm_(p, 1)",
    "automatic mixed precision": "with torch.autocast('cpu'): pass",
    "Weights & Biases": "import wandb",
    "signal handling": "signal.signal(signal.SIGTERM, stop)",
    "pinned memory": "DataLoader(d, pin_memory=True)",
    "gradient accumulation without synchronisation": "model.require_backward_grad_sync = last",
    "activation checkpointing": "from torch.utils.checkpoint import checkpoint",
}


@pytest.mark.parametrize("feature", FEATURES)
def test_features(feature: str, tmp_path: Path) -> None:
    assert [one.name for one in surface(tmp_path, FEATURES[feature]).features] == [feature]


def test_a_feature_that_is_switched_off_is_none(tmp_path: Path) -> None:
    assert surface(tmp_path, "DataLoader(d, pin_memory=False, num_workers=0)").features == ()


def test_definitions_have_bodies_that_names_comments_and_layout_do_not_change(tmp_path: Path) -> None:
    found = surface(
        tmp_path,
        '''
        def first(x):
            """Words."""
            total = x + 1  # why
            return total

        class Holder:
            def second(self, y): return (y +
                1)
            def third(self, y):
                value = y + 1
                return value
            def fourth(self, y):
                value = y + 2
                return value
        ''',
    ).definitions
    by_path = {one.path: one for one in found}
    assert list(by_path) == ["first", "Holder", "Holder.second", "Holder.third", "Holder.fourth"]
    assert by_path["first"].body == by_path["Holder.third"].body != by_path["Holder.fourth"].body
    assert by_path["first"].kind == "function"
    assert by_path["Holder"].kind == "class"


def test_a_script_brings_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    found = surface(
        tmp_path,
        "import model\nfrom parts import thing\nimport torch\nexec(open('config.py').read())",
        model="import deeper",
        deeper="x = 1",
        parts="y = 2",
        config="z = 3",
        stranger="w = 4",
    )
    assert [one.file for one in found.files] == ["train.py", "model.py", "parts.py", "config.py", "deeper.py"]


def test_a_package_brings_its_siblings(tmp_path: Path) -> None:
    for name, text in {
        "a/__init__.py": "",
        "a/b/__init__.py": "",
        "a/b/main.py": "from a.common import tool\nfrom ..other import thing",
        "a/common/__init__.py": "",
        "a/common/tool.py": "",
        "a/other.py": "",
        "a/unused.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = {one.file for one in read_surface(tmp_path / "a" / "b").files}
    assert {"a/b/main.py", "a/common/tool.py", "a/other.py"} <= found
    assert "a/unused.py" not in found


def test_a_file_that_does_not_parse_is_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    found = surface(tmp_path, "import broken\nparser.add_argument('--lr')", broken="def (")
    assert [one.name for one in found.flags] == ["lr"]
    assert [name for name, _ in found.unread] == ["broken.py"]


@pytest.mark.parametrize("content", [None, "def (", "\0"])
def test_what_cannot_be_read_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SurfaceUnreadableError, match=r"train\.py"):
        read_surface(path)


def test_the_witness_and_its_successor_are_read_alike() -> None:
    reference, candidate = read_surface(ROOT / "legacy/char_gpt/train.py"), read_surface(ROOT / "trainers/char_gpt")
    assert {flag.name for flag in reference.flags} == {flag.name for flag in candidate.flags}
    assert {one.name for one in reference.features} == {one.name for one in candidate.features}
    for side in (reference, candidate):
        names = list(dict.fromkeys(step.name for step in side.steps))
        order = [name for name in names if name in ("backward", "unscale", "clip", "scaler step", "zero_grad")]
        assert order == ["backward", "unscale", "clip", "scaler step", "zero_grad"]


def test_of_listed_files_exactly_these_are_read(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text('"""Trains.\n\nMore."""\nimport beside\n')
    (tmp_path / "beside.py").write_text("def f(): pass\n")
    surface = read_surface_of(tmp_path, ["train.py", "train.py"])
    assert [(one.file, one.purpose) for one in surface.files] == [("train.py", "Trains.")]
    surface = read_surface_of(tmp_path, ["beside.py", "gone.py"])
    assert [(one.file, one.purpose) for one in surface.files] == [("beside.py", "")]
    assert [file for file, _ in surface.unread] == ["gone.py"]
    with pytest.raises(SurfaceUnreadableError, match="no file is named"):
        read_surface_of(tmp_path, [])
