import os
import sys

import pytest

from parity.errors import CommandNotFoundError, IsolatedInterpreterError, UsageError
from parity.record.commands import across_ranks, check_command, is_python, split_command


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python train.py", ["python", "train.py"]),
        ("  python   train.py  ", ["python", "train.py"]),
        ("python train.py --name 'two words'", ["python", "train.py", "--name", "two words"]),
        ('python train.py --x="a b" c\\ d', ["python", "train.py", "--x=a b", "c d"]),
        ("python train.py ''", ["python", "train.py", ""]),
        (["python", "a b"], ["python", "a b"]),
        (("python",), ["python"]),
    ],
)
def test_split(command, words):
    assert split_command(command) == words


@pytest.mark.parametrize("command", ["", "   ", [], ()])
def test_an_empty_command_is_refused(command):
    with pytest.raises(UsageError, match="empty"):
        split_command(command)


@pytest.mark.parametrize("command", ["python 'train.py", 'python "x', "python x\\"])
def test_open_quotes_are_refused(command):
    with pytest.raises(UsageError, match="quote"):
        split_command(command)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "train.py").write_text("", encoding="utf-8")
    (tmp_path / "package").mkdir()
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["python3", "train.py"],
        [sys.executable, "train.py", "--missing.py"],
        ["python3", "-u", "train.py"],
        ["python3", "-W", "ignore", "train.py"],
        ["python3", "-Wignore", "-B", "train.py"],
        ["python3", "-X", "dev", "train.py"],
        ["python3", "-Xdev", "train.py"],
        ["python3", "--check-hash-based-pycs", "always", "train.py"],
        ["python3", "package"],
        ["python3", "-m", "anything"],
        ["python3", "-c", "print(1)"],
        ["python3", "-"],
        ["python3"],
        ["./run.sh"],
        ["sh", "missing.sh"],
        ["python3", "train.py", "-I", "-E"],
        ["python3", "-m", "module", "-E"],
        ["python3", "-W", "ignore::ImportWarning", "train.py"],
        ["python3", "-Wignore::ImportWarning", "train.py"],
        ["python3", "-X", "pycache_prefix=/tmp/Iris", "train.py"],
        ["python3", "-uc", "print(1)"],
        ["python3", "-um", "module"],
    ],
)
def test_commands_that_can_be_recorded(place, words):
    check_command(words, place)


@pytest.mark.parametrize("words", [["no-such-program-anywhere"], ["./missing"], ["./notes.txt"], ["./package"], [""]])
def test_a_program_that_does_not_exist(place, words):
    with pytest.raises(CommandNotFoundError) as caught:
        check_command(words, place)
    assert repr(words[0]) in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["python3", "missing.py"],
        ["python3", "-u", "missing.py"],
        ["python3", "-W", "ignore", "missing.py"],
        ["python3", "../train.py"],
    ],
)
def test_a_script_that_does_not_exist(place, words):
    with pytest.raises(CommandNotFoundError) as caught:
        check_command(words, place)
    assert repr(words[-1]) in str(caught.value)


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["python3", "-E", "train.py"], "-E"),
        (["python3", "-I", "train.py"], "-I"),
        (["python3", "-u", "-I", "-m", "module"], "-I"),
        (["python3", "-bE", "train.py"], "-bE"),
        (["python3", "-sI", "-c", "print(1)"], "-sI"),
        (["python3", "-W", "ignore", "-E", "train.py"], "-E"),
    ],
)
def test_python_that_ignores_its_environment_is_refused(place, words, flag):
    with pytest.raises(IsolatedInterpreterError, match=flag) as caught:
        check_command(words, place)
    assert "parity doctor --install-pth --python python3" in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("python", True),
        ("python3", True),
        ("python3.11", True),
        ("/usr/bin/python3.12", True),
        ("venv/bin/python", True),
        ("pythonic", False),
        ("python-config", False),
        ("torchrun", False),
        ("sh", False),
        ("/python/bin/sh", False),
        ("", False),
    ],
)
def test_is_python(program, expected):
    assert is_python(program) is expected


RUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["python", "train.py"], ["python", *RUN, "train.py"]),
        (["python", "train.py", "-c", "x"], ["python", *RUN, "train.py", "-c", "x"]),
        (["python", "-m", "pkg.train", "--a"], ["python", *RUN, "-m", "pkg.train", "--a"]),
        (["/v/python3.11", "-u", "train.py"], ["/v/python3.11", "-u", *RUN, "train.py"]),
        (["python", "-W", "ignore", "-u", "-m", "x"], ["python", "-W", "ignore", "-u", *RUN, "-m", "x"]),
    ],
)
def test_across_ranks(words, expected):
    assert across_ranks(words, 2) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["python", "-c", "print(1)"],
        ["python", "-u", "-c", "print(1)"],
        ["python", "-uc", "print(1)"],
        ["python", "-"],
        ["python"],
        ["python", "-u"],
        ["sh", "train.sh"],
        ["torchrun", "train.py"],
        ["./train.py"],
    ],
)
def test_what_cannot_be_started_as_several_ranks(words):
    with pytest.raises(UsageError, match="--world 3"):
        across_ranks(words, 3)
