"""What a program depends on: the files that it reads, and what it does that no list of files can tell of.

Watched from the start of the interpreter, by an audit hook. Each process leaves ``reads-PID.json`` when it ends; where
one was killed, only its beginning is there, and nobody knows what it has read. A file that is asked for and missing is
listed as well. Blind: files that native code opens, whose modules are obstacles; ``os.path.exists`` and its like.

Loaded by path into a stranger's interpreter, before torch: the standard library only.
"""

import atexit
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WRITING = frozenset("wax+")
_WRITING_FLAGS = os.O_WRONLY | os.O_RDWR
_MOVING = {"os.rename": 1, "os.remove": 0, "os.rmdir": 0, "os.link": 1, "os.symlink": 1, "os.truncate": 0}
_OBSTACLES = {
    "socket.connect": "it uses the network",
    "socket.getaddrinfo": "it uses the network",
    "socket.bind": "it uses the network",
    "subprocess.Popen": "it starts other programs",
    "os.system": "it starts other programs",
    "os.posix_spawn": "it starts other programs",
    "os.exec": "it starts other programs",
    "os.fork": "it starts other processes",
    "os.forkpty": "it starts other processes",
    "sqlite3.connect": "it reads a database",
}
_NATIVE = ("safetensors", "pyarrow", "h5py", "lmdb", "polars", "duckdb", "cv2", "sentencepiece", "tokenizers", "decord")
_ENTROPY = ("/dev/urandom", "/dev/random", "/dev/hwrng")
_SYSTEM = ("/dev/", "/proc/", "/sys/")


class _Watch:
    """Takes notes of one process."""

    def __init__(self, settings: "dict[str, Any]") -> None:
        self._pid = os.getpid()
        self._path = os.path.join(settings["directory"], f"reads-{self._pid}.json")
        self._files: set[str] = set()
        self._listings: set[str] = set()
        self._obstacles: set[str] = set()
        own = [settings["directory"], *([settings["out"]] if settings["out"] else [])]
        self._own = tuple(os.path.realpath(path) + os.sep for path in own)
        self._foreign = (os.path.dirname(os.__file__) + os.sep, settings["package"] + os.sep, *_SYSTEM)

    def begin(self) -> None:
        """Leave the mark that there will be a list."""
        with open(self._path + ".part", "w", encoding="utf-8"):
            pass
        atexit.register(self._end)
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: "Any") -> None:
        try:
            if event == "open":
                self._opened(*args)
            elif event in _OBSTACLES:
                self._obstacles.add(_OBSTACLES[event])
            elif event in ("os.listdir", "os.scandir"):
                self._listed(args[0])
            elif event in _MOVING:
                self._changed(args[_MOVING[event]])
            elif event == "os.mkdir" and not os.path.isdir(args[0]):
                self._changed(args[0])
        except Exception as error:  # it would be raised in the program
            self._obstacles.add(f"what it did with a file is unclear ({event}: {type(error).__name__})")

    def _opened(self, path: "Any", mode: "Any", flags: int) -> None:
        if not isinstance(path, (str, bytes)):
            return
        if not _WRITING.isdisjoint(mode) if isinstance(mode, str) else flags & _WRITING_FLAGS:
            self._changed(path)
            return
        full = os.path.abspath(os.fsdecode(path))
        if full in _ENTROPY:
            self._obstacles.add(f"it reads {full}")
        elif not self._is_aside(full):
            self._files.add(_source(full))

    def _listed(self, path: "Any") -> None:
        # Finding modules is no listing by the program: what it imports is among the files.
        if isinstance(path, int) or "importlib" in sys._getframe(2).f_code.co_filename:
            return
        full = os.path.abspath(os.fsdecode(path if path is not None else "."))
        if not self._is_aside(full + os.sep):
            self._listings.add(full)

    def _changed(self, path: "Any") -> None:
        full = os.path.abspath(os.fsdecode(path))
        if not self._is_aside(full) and "__pycache__" not in full:
            self._obstacles.add(f"it writes outside {{out}}: {full}")

    def _is_aside(self, full: str) -> bool:
        """Whether a path belongs to this run alone, to Python, to installed packages, or to the system."""
        if full.startswith(self._foreign) or "-packages" + os.sep in full:
            return True
        return os.path.realpath(full).startswith(self._own) or os.path.realpath(full) + os.sep in self._own

    def _end(self) -> None:
        if os.getpid() != self._pid:
            return
        loaded = [name for name in _NATIVE if name in sys.modules]
        self._obstacles.update(f"{name} opens files in native code" for name in loaded)
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and os.path.isfile(file) and not self._is_aside(os.path.abspath(file)):
                self._files.add(os.path.abspath(file))
        packages = {path for path in sys.path if path.endswith("-packages") and os.path.isdir(path)}
        content = {
            "files": sorted(self._files),
            "listings": sorted(self._listings | packages),
            "obstacles": sorted(self._obstacles),
            "interpreter": os.path.realpath(sys.executable),
        }
        try:
            with open(self._path + ".part", "w", encoding="utf-8") as file:
                json.dump(content, file)
            os.replace(self._path + ".part", self._path)
        except OSError:
            pass  # the part that is left says that there is no list


def _source(path: str) -> str:
    """The source file for one that holds its compiled code."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
    return path


def watch(settings: "dict[str, Any]") -> None:
    """Watch this process until it ends."""
    _Watch(settings).begin()
