"""What a program finds when it starts in a copy of the server: what it would find in a process of its own.

Loaded by path into a stranger's interpreter, watched by ``stash.Loading``: imports only the standard library.
"""

import ctypes
import logging
import os
import sys
import threading
import time
import warnings
from importlib.machinery import SourceFileLoader
from multiprocessing import process
from types import CodeType
from typing import Any


class RefusalError(Exception):
    """A program that has to start in a process of its own."""


class Program:
    """A script or a module, its arguments and its directory."""

    def __init__(self, request: dict[str, Any]) -> None:
        """Raises RefusalError for what is not known to be the same here."""
        self._words: list[str] = request["words"]
        self._directory: str = request["directory"]
        self._environment: dict[str, str | None] = request["environment"]
        self._code: CodeType | None = None
        if self._words[0] != "-m":
            self._file = _absolute(self._directory, self._words[0])
            self._code = _compiled(self._file)
        elif len(self._words) < 2:
            raise RefusalError("no module is named")

    @property
    def folder(self) -> str:
        """The folder that stands first in the program's path."""
        return self._directory if self._code is None else os.path.dirname(os.path.realpath(self._file))

    def prepare(self, output: int, errors: int) -> None:
        """Make this process, which has just been forked, the one of the program."""
        os.setsid()
        os.chdir(self._directory)
        for descriptor, standard in ((output, 1), (errors, 2)):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        for name, value in self._environment.items():
            if value is not None:
                os.environ[name] = value
            else:
                os.environ.pop(name, None)
        arguments = self._words if self._code is not None else ["-m", *self._words[2:]]
        sys.argv[:] = arguments
        sys.orig_argv[1:] = self._words
        _renew()
        _replace_main()

    def stand_in(self) -> None:
        """Wait for the interpreter, which is going to start a module, and give it the program instead."""
        sys.modules["runpy"] = _Runpy(self)  # type: ignore[assignment]

    def begin(self) -> Any:
        """Set up what the interpreter has not, and return what it is to call."""
        del sys.modules["runpy"]
        if self._code is None:
            import runpy

            run: Any = runpy
            return _direct(run._run_module_as_main, self._words[1], True)  # noqa: FBT003
        if not sys.flags.safe_path:
            sys.path[0] = self.folder
        namespace = vars(sys.modules["__main__"])
        loader = SourceFileLoader("__main__", self._file)
        namespace.update(__loader__=loader, __file__=self._file, __cached__=None)
        return _direct(exec, self._code, namespace)


class _Runpy:
    """What the interpreter takes for the module ``runpy`` when it looks there for how a module is started."""

    def __init__(self, program: Program) -> None:
        self._program = program

    @property
    def _run_module_as_main(self) -> Any:
        return self._program.begin()


class _Always:
    """A converter of C arguments that puts ``value`` in the place of what is given."""

    def __init__(self, value: Any) -> None:
        self._value = ctypes.py_object(value)

    def from_param(self, _: Any) -> Any:
        return self._value


def _direct(function: Any, *arguments: Any) -> Any:
    """A callable that makes this call whatever two arguments it is given, and lays no frame below it.

    A traceback, ``sys._getframe`` and the line to which a warning is ascribed are therefore those of a program that the
    interpreter has started itself.
    """
    call = ctypes.PyDLL(None).PyObject_CallObject
    converters: Any = [_Always(function), _Always(arguments)]
    call.argtypes = converters
    call.restype = ctypes.py_object
    return call


def _absolute(directory: str, script: str) -> str:
    """The name that the interpreter gives to a script, in ``__file__`` and in tracebacks."""
    return os.path.join(directory, script)


def _compiled(file: str) -> CodeType:
    """The code of a script that compiles without any remark: the interpreter words those better."""
    try:
        with open(file, "rb") as stream:
            source = stream.read()
        with warnings.catch_warnings(record=True) as remarks:
            code = compile(source, file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError) as error:
        raise RefusalError(f"{file} cannot be compiled") from error
    if remarks:
        raise RefusalError(f"{file} is compiled with warnings")
    return code


def _replace_main() -> None:
    """A main module that the collector sees: at its end, the program's objects are finalized while all names exist."""
    old = sys.modules["__main__"]
    new = sys.modules["__main__"] = type(sys)("__main__")
    vars(new).clear()
    vars(new).update(vars(old))
    if "__annotations__" in vars(old):
        new.__annotations__ = {}


def _renew() -> None:
    """Replace what modules keep of the process in which they were loaded, and what they have drawn from its entropy.

    Python's own generator sees to itself after a fork.
    """
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    processes: Any = process
    processes.ORIGINAL_DIR = os.getcwd()
    processes.current_process()._config["authkey"] = processes.AuthenticationString(os.urandom(32))
    logging._startTime = time.time_ns() if sys.version_info >= (3, 13) else time.time()  # type: ignore[attr-defined]
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.set_bit_generator(random.MT19937())
    sys.modules["torch"].default_generator.seed()
