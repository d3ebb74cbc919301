"""Names of the modules that a model calls: their paths in it, and which call of the same module it is.

Loaded inside recorded programs: the standard library.
"""

from typing import Any, Final

_WRAPPERS: Final = ("_orig_mod", "module")


class ModulePaths:
    """Paths of the modules of models, as far as they are known, and how often each was called."""

    def __init__(self) -> None:
        self._paths: dict[int, str] = {}
        self._calls: dict[str, int] = {}

    def learn(self, model: Any) -> None:
        """Name the modules of ``model``; those of a second model stand under the name of its class."""
        if id(model) in self._paths:
            return
        prefix = f"{type(model).__name__}." if self._paths else ""
        for name, module in model.named_modules():
            self._paths.setdefault(id(module), (prefix + bare(name)).strip("."))

    def path(self, module: Any) -> str:
        """The path of ``module``: empty for a model, its class in parentheses where it belongs to none."""
        return self._paths.get(id(module), f"({type(module).__name__})")

    def call(self, module: Any) -> str:
        """The path of ``module`` for one more call of it, numbered from the second on."""
        path = self.path(module)
        count = self._calls[path] = self._calls.get(path, -1) + 1
        return f"{path}#{count}" if count else path

    def forget(self) -> None:
        """Begin again: modules may have been replaced."""
        self._paths.clear()
        self._calls.clear()


def bare(name: str) -> str:
    """A dotted name without the parts that wrappers add."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)
