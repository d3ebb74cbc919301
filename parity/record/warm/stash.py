"""Modules that are loaded but not imported yet: importing one brings back what loading it has done.

First what the module asks for, in that order, then what it leaves outside itself. So ``sys.modules``, warning filters,
environment and exit handlers are at any time as they are in a process that executes the modules itself.

Loaded by path into a server that runs a stranger's interpreter: imports only what every interpreter has loaded.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from .loading import Loading


class Stash:
    """A finder that brings loaded modules back, one import at a time."""

    def __init__(self, loading: "Loading") -> None:
        self._loading = loading
        self._modules = {name: module for name, module in sys.modules.items() if name not in loading.before}
        self._packages = dict(self._modules)
        self._mains = dict(_holders_of_main(self._modules))
        self._unbound = {name for name in self._modules if self._unbind(name)}

    def _unbind(self, name: str) -> bool:
        """Take a module out of its package, unless its name has come to mean something else there, as functions do."""
        package, _, last = name.rpartition(".")
        names = getattr(self._modules.get(package), "__dict__", {})
        return names.get(last) is self._modules[name] and names.pop(last) is not None

    def names(self) -> set[str]:
        """Top-level names of what is kept."""
        return {name.partition(".")[0] for name in self._modules}

    def hide(self) -> None:
        """From here on, nothing of it seems to have been imported."""
        for name in sys.modules.keys() - self._loading.before:
            del sys.modules[name]
        for path in sys.path_importer_cache.keys() - self._loading.importers:
            del sys.path_importer_cache[path]
        sys.meta_path.insert(0, self)

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,  # noqa: ARG002
        target: "ModuleType | None" = None,  # noqa: ARG002
    ) -> "ModuleSpec | None":
        """Answer for a module that is kept with its own specification, but for the loader."""
        original = self._loading.specs.get(name) if name in self._modules else None
        if original is None:
            return None
        loader: Any = _Returning(self)
        spec = type(original)(name, loader, origin=original.origin)
        spec.submodule_search_locations = original.submodule_search_locations
        spec.has_location = original.has_location
        return spec

    def bring_back(self, name: str) -> None:
        """Put ``name`` into ``sys.modules``, and around it what executing it would have left."""
        module = sys.modules[name] = self._modules.pop(name)
        for attribute in self._mains.get(name, ()):
            setattr(module, attribute, sys.modules["__main__"])
        if name in self._unbound:
            package, _, last = name.rpartition(".")
            setattr(self._packages[package], last, module)
        effects = self._loading.effects.get(name)
        if effects is None:
            return
        for asked in effects.imports:
            if asked in self._modules:
                self._import(asked)
        os.environ.update(effects.environment)
        if effects.filters:
            self._loading.set_filters([*effects.filters, *sys.modules["warnings"].filters])
        for function, args, kwargs in effects.exits:
            sys.modules["atexit"].register(function, *args, **kwargs)

    def _import(self, name: str) -> None:
        """Import as the import system does, so that other finders hear of it, but leave what its package says of it."""
        if name not in self._loading.specs:
            self.bring_back(name)
            return
        found = (finder.find_spec(name, None) for finder in sys.meta_path)
        spec: Any = next(spec for spec in found if spec is not None)
        spec._initializing = True  # others watch this mark
        spec.loader.exec_module(type(sys)(name))
        sys.modules[name] = sys.modules.pop(name)
        spec._initializing = False


def _holders_of_main(modules: "dict[str, ModuleType]") -> "Iterator[tuple[str, list[str]]]":
    """Modules that have imported the main one, with their names for it: the program's is another than the server's."""
    main = sys.modules["__main__"]
    for name, module in modules.items():
        held = [attribute for attribute, value in getattr(module, "__dict__", {}).items() if value is main]
        if held:
            yield name, held


class _Returning:
    """A loader that executes nothing: the module has been executed before."""

    def __init__(self, stash: Stash) -> None:
        self._stash = stash

    def create_module(self, spec: "ModuleSpec") -> None:
        """Leave it to the import system to make a module; it is replaced at once."""

    def exec_module(self, module: "ModuleType") -> None:
        """Replace ``module``, in the way in which modules replace themselves."""
        self._stash.bring_back(module.__name__)
