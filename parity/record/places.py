"""Where in the program something happens, and how its paths are written so that both sides can be compared.

Loaded inside recorded programs: the standard library only.
"""

import functools
import json
import linecache
import os
import re
import sys
from types import FrameType
from typing import Any, Final

TEMPORARY: Final = "{temporary}"
_AROUND: Final = 2
_PACKAGES: Final = ("site-packages", "dist-packages")


def whole_path(path: str) -> re.Pattern[str]:
    """Matches ``path`` itself or as the beginning of a longer one, but not ``path2``."""
    return re.compile(re.escape(path) + r"(?![\w.-])")


@functools.cache
def _temporary() -> re.Pattern[str]:
    """Matches what ``tempfile`` makes; asking it for the directory would write there."""
    return re.compile(re.escape(os.environ.get("TMPDIR", "/tmp").rstrip(os.sep)) + r"/tmp[a-z0-9_]{8}(?![\w.-])")


class Places:
    """Neutral paths and call sites of one recorded program."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._here = os.getcwd()
        self._neutral: dict[str, str] = settings.get("neutral", {})
        self._patterns = [(whole_path(path), placeholder) for path, placeholder in self._neutral.items()]
        self._patterns.append((_temporary(), TEMPORARY))
        self._seen: set[str] = set()
        self._foreign = tuple(
            # Not asked of sysconfig, which would import its data into the program.
            {os.path.dirname(os.__file__)}
            | {path for path in sys.path if os.path.basename(path) in _PACKAGES}
            | {os.path.dirname(os.path.dirname(os.path.abspath(sys.modules["torch"].__file__ or "")))}
            | {os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
        )

    def neutral(self, text: str) -> str:
        """``text`` with directories that differ from run to run replaced by their placeholders."""
        for pattern, placeholder in self._patterns:
            text = pattern.sub(placeholder, text)
        return text

    def path(self, path: Any) -> str:
        """A path relative to a placeholder or to the working directory, where it lies in one of them."""
        full = os.path.abspath(os.fsdecode(path))
        for directory, placeholder in self._neutral.items():
            if full.startswith(directory + os.sep) or full == directory:
                return placeholder + full[len(directory) :]
        if full.startswith(self._here + os.sep):
            return full[len(self._here) + 1 :]
        return _temporary().sub(TEMPORARY, full)

    def is_foreign(self, file: str) -> bool:
        """Whether ``file`` belongs to Python, an installed package or the recorder, not to the program."""
        return file.startswith((*self._foreign, "<")) or "site-packages" in file

    def first_site(self, thing: str) -> str | None:
        """The innermost line of the program on the stack, as JSON, the first time that ``thing`` is asked for."""
        if thing in self._seen:
            return None
        self._seen.add(thing)
        frame = self._innermost(sys._getframe(1))
        return frame and self._describe(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)

    def line(self) -> str | None:
        """The innermost line of the program on the stack, in a few words."""
        frame = self._innermost(sys._getframe(1))
        return frame and f"{self.path(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_name}"

    def _innermost(self, frame: FrameType | None) -> FrameType | None:
        while frame is not None and self.is_foreign(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def _describe(self, file: str, line: int, function: str) -> str:
        first = max(1, line - _AROUND)
        lines = [linecache.getline(file, number).rstrip("\n") for number in range(first, line + _AROUND + 1)]
        place = {
            "file": self.path(file),
            "line": line,
            "function": function,
            "first_line": first,
            "excerpt": "\n".join(lines).rstrip(),
        }
        return json.dumps(place, sort_keys=True)
