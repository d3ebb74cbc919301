"""Programs that train are found by what they call, wherever it stands, and pairs of them by their names."""

import textwrap
from pathlib import Path, PurePosixPath

import pytest

from parity.run.starting import find_pairs, starting_policy
from parity.surface.programs import Program, find_programs

LOOP = "for batch in loader:\n    model(batch).backward()\n"
MAIN = "def main():\n    model().backward()\n\nif __name__ == '__main__':\n    main()\n"
ENGINE = "def go():\n    model().backward()\n"
FLAGS = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--output-dir', default='out')\n"


def repository(root: Path, files: dict[str, str]) -> list[Program]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return find_programs(root)


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({"train.py": LOOP}, ["python train.py"]),
        ({"train.py": MAIN}, ["python train.py"]),
        (
            {"train.py": "from engine import go\nif __name__ == '__main__':\n    go()\n", "engine.py": ENGINE},
            ["python train.py"],
        ),
        ({"tools/__init__.py": "", "tools/fit.py": MAIN}, ["python -m tools.fit"]),
        ({"t/__init__.py": "", "t/__main__.py": "import importlib\n", "t/loop.py": ENGINE}, ["python -m t"]),
        ({"model.py": "class Model:\n    pass\n", "evaluate.py": "if __name__ == '__main__':\n    pass\n"}, []),
        ({"tests/test_train.py": MAIN, "train.py": "print(1)\n"}, []),
        (
            {"hf.py": "from transformers import Trainer\nif __name__ == '__main__':\n    Trainer(m).train()\n"},
            ["python hf.py"],
        ),
    ],
)
def test_programs_that_train_are_found(files: dict[str, str], commands: list[str], tmp_path: Path) -> None:
    assert [one.command for one in repository(tmp_path, files)] == commands


@pytest.mark.parametrize(
    ("files", "command", "root"),
    [
        (("src/mine/__init__.py", "src/mine/__main__.py"), "python -m mine", "src"),
        (("src/mine/__init__.py", "src/mine/fit.py"), "python -m mine.fit", "src"),
        (
            ("a/b/mine/__init__.py", "a/b/mine/deep/__init__.py", "a/b/mine/deep/fit.py"),
            "python -m mine.deep.fit",
            "a/b",
        ),
        (("src/__init__.py", "src/mine/__init__.py", "src/mine/__main__.py"), "python -m src.mine", ""),
        (("mine/__main__.py",), "python -m mine", ""),
        (("src/fit.py",), "python src/fit.py", ""),
        (("__init__.py", "fit.py"), "python fit.py", ""),
    ],
)
def test_a_package_is_run_from_where_it_lies(files: tuple[str, ...], command: str, root: str, tmp_path: Path) -> None:
    (found,) = repository(tmp_path, {name: "" if "__init__" in name else MAIN for name in files})
    assert (found.command, found.root) == (command, root)
    assert ('environment = { PYTHONPATH = "' + root in starting_policy([found])) is bool(root)


def test_the_flag_of_the_output_is_written_as_it_is_declared(tmp_path: Path) -> None:
    files = {"a.py": FLAGS + MAIN, "b.py": "out_dir = 'out'\nexec(open('configurator.py').read())\n" + LOOP}
    assert {one.command: one.output for one in repository(tmp_path, files)} == {
        "python a.py": "--output-dir=",
        "python b.py": "--out_dir=",
    }


@pytest.mark.parametrize(
    ("paths", "pairs"),
    [
        (("legacy/train.py", "train.py"), [("train", "legacy/train.py", "train.py")]),
        (("train.py", "train_refactored.py"), [("train", "train.py", "train_refactored.py")]),
        (("gpt_old.py", "bert.py", "gpt.py"), [("gpt", "gpt_old.py", "gpt.py")]),
        (("train.py", "evaluate.py"), []),
        (
            ("legacy/a.py", "legacy/b.py", "t/__main__.py"),
            [("a", "legacy/a.py", "t/__main__.py"), ("b", "legacy/b.py", "t/__main__.py")],
        ),
        ((), []),
    ],
)
def test_pairs_are_found_by_their_names(paths: tuple[str, ...], pairs: list[tuple[str, str, str]]) -> None:
    programs = [Program(path=PurePosixPath(path), command=f"python {path}") for path in paths]
    found = [(name, str(one.path), str(other.path)) for name, one, other in find_pairs(programs)]
    assert found == pairs


def test_a_policy_can_be_read_whatever_was_found(tmp_path: Path) -> None:
    from parity.policy import read_policy

    several = [Program(path=PurePosixPath(path), command=f"python {path}") for path in ("legacy/a.py", "a.py", "b.py")]
    for number in range(4):
        path = tmp_path / "pyproject.toml"
        path.write_text(starting_policy(several[:number]), encoding="utf-8")
        assert len(read_policy(path).pairs) == min(number, 1)
