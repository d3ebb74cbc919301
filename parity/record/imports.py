"""Word that the program has imported a module: optional packages are hooked when it does so, and never imported by us.

The moment is the one in which the import system marks the module's specification as loaded. This works alike for a
module that is not there yet and for one that is being loaded just now, as ``safetensors.torch`` is while it imports
torch; and a program that only asks whether a package exists, with ``find_spec``, does not use the word up.

Loaded inside recorded programs: the standard library only.
"""

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

Patch = Callable[[Any], None]
_MARK: Final = "_initializing"


class Imports:
    """Waits for modules; a patch that raises is handed to ``failed`` with the name of its probe."""

    def __init__(self, failed: Callable[[str, Exception], None]) -> None:
        self._failed = failed
        self._waiting: dict[str, list[tuple[str, Patch]]] = {}
        self._asking: set[str] = set()

    def after(self, name: str, probe: str, patch: Patch) -> None:
        """Call ``patch`` with the module ``name`` as soon as it is loaded: at once where it already is."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        self._waiting.setdefault(name, []).append((probe, patch))
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if module is not None and not (getattr(spec, _MARK, False) and self._watch(spec)):
            self._loaded(name)

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._waiting.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Let the ordinary finders find ``name``, and watch what becomes of it."""
        if name not in self._waiting or name in self._asking:
            return None
        self._asking.add(name)
        try:
            for finder in sys.meta_path:
                find = None if finder is self else getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = find(name, path, target) if find else None
                if spec is not None:
                    self._watch(spec)
                    return spec
        finally:
            self._asking.discard(name)
        return None

    def _watch(self, spec: Any) -> bool:
        if type(spec) is ModuleSpec:
            spec.__class__ = _Watched
        if type(spec) is _Watched:
            vars(spec).setdefault(_Watched.HEARD, []).append(self._loaded)
        return type(spec) is _Watched

    def _loaded(self, name: str) -> None:
        module = sys.modules.get(name)
        if module is None:  # its import has failed and may be tried again
            return
        for probe, patch in self._waiting.pop(name, ()):
            try:
                patch(module)
            except Exception as error:
                self._failed(probe, error)


class _Watched(ModuleSpec):
    """A specification that tells when its module is loaded, and is an ordinary one again from then on."""

    HEARD: Final = "_parity_heard"

    def __setattr__(self, key: str, value: Any) -> None:
        super().__setattr__(key, value)
        if key == _MARK and not value:
            heard = vars(self).pop(_Watched.HEARD)
            object.__setattr__(self, "__class__", ModuleSpec)
            for tell in heard:
                tell(self.name)
