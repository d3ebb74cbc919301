"""Recording with ``python -E`` and ``-I``: a line among the packages of an interpreter starts it, not PYTHONPATH.

The line does nothing unless a program is being recorded and Python has been told to ignore its environment.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from parity.errors import InterpreterError

NAME: Final = "training_parity_recorder.pth"
_BOOT: Final = Path(__file__).resolve().parent / "boot" / "sitecustomize.py"
_ASK: Final = "import sysconfig; print(sysconfig.get_path('purelib'))"


def install(program: str) -> Path:
    """Write the file for the interpreter ``program``; return its path.

    Raises:
        InterpreterError: that is not possible.
    """
    path = _path(program)
    line = (
        'import os, sys; "PARITY_RECORD" in os.environ and sys.flags.ignore_environment and '
        f'exec(open({str(_BOOT)!r}).read(), {{"__name__": "parity_boot", "__file__": {str(_BOOT)!r}}})\n'
    )
    try:
        path.write_text(line, encoding="utf-8")
    except OSError as error:
        message = f"{path} cannot be written ({error}); expected an environment of your own, such as: python -m venv"
        raise InterpreterError(message) from error
    return path


def uninstall(program: str) -> Path | None:
    """Remove the file; return its path, or None where there was none.

    Raises:
        InterpreterError: that is not possible.
    """
    path = _path(program)
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path} cannot be removed ({error})"
        raise InterpreterError(message) from error
    return path


def is_installed(program: str) -> bool:
    """Whether ``program`` starts recording by the file.

    Raises:
        InterpreterError: ``program`` cannot be asked.
    """
    return _path(program).is_file()


def _path(program: str) -> Path:
    environment = {name: value for name, value in os.environ.items() if name != "PARITY_RECORD"}
    try:
        done = subprocess.run([program, "-I", "-c", _ASK], capture_output=True, text=True, check=True, env=environment)
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"{program!r} cannot be asked where its packages are ({error}); expected a Python interpreter"
        raise InterpreterError(message) from error
    return Path(done.stdout.strip()) / NAME
