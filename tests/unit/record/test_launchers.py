import sys

import pytest

from parity.record.processes import Program
from parity.record.warm.launcher import is_warm


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((sys.executable, "train.py"), True),
        (("python3", "train.py", "-u"), True),
        (("python", "./train.py"), True),
        (("python", "-m", "package.train"), True),
        (("python", "-m"), False),
        (("python",), False),
        (("python", "-"), False),
        (("python", "-c", "pass"), False),
        (("python", "-u", "train.py"), False),
        (("python", "-O", "-m", "package"), False),
        (("python", "folder"), False),
        (("python", "folder.py"), False),
        (("python", "missing.py"), False),
        (("bin/python", "train.py"), False),
        (("sh", "train.py"), False),
        (("torchrun", "train.py"), False),
        (("python", "-m", "torch.distributed.run", "train.py"), False),
        (("python", "-m", "accelerate.commands.launch", "train.py"), False),
    ],
)
def test_which_programs_can_start_in_a_copy(words, expected, tmp_path):
    (tmp_path / "train.py").write_text("", encoding="utf-8")
    (tmp_path / "folder.py").mkdir()
    program = Program(words=words, directory=tmp_path, environment={}, output=(1, 2))
    assert is_warm(program) is (expected and sys.platform == "linux")


def test_a_program_that_keeps_our_streams_starts_in_a_process_of_its_own(tmp_path):
    (tmp_path / "train.py").write_text("", encoding="utf-8")
    assert not is_warm(Program(words=("python", "train.py"), directory=tmp_path, environment={}))
