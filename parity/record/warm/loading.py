"""Loading modules so that it can be told afterwards what each import has done.

While :class:`Loading` is in force, everything that a module asks for and everything that it leaves outside itself
(warning filters, environment variables, exit handlers) is noted, and in the end undone.

Loaded by path into a server that runs a stranger's interpreter, before anything else: imports only what every
interpreter has loaded when it starts.
"""

import _warnings
import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Self

    ExitHandler = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]


class Effects:
    """What one module asks for and what it leaves behind outside itself."""

    def __init__(self) -> None:
        self.imports: dict[str, None] = {}
        self.filters: list[Any] = []
        self.environment: dict[str, str] = {}
        self.exits: list[ExitHandler] = []


class Loading:
    """A context in which modules are loaded and watched."""

    def __init__(self) -> None:
        self.before = frozenset(sys.modules)
        self.importers = frozenset(sys.path_importer_cache)
        self.effects: dict[str, Effects] = {}
        self.specs: dict[str, ModuleSpec] = {}
        self._active = False
        self._executing = [Effects()]
        self._modules = set(sys.modules)
        self._environment = dict(os.environ)
        self._variables = set(os.environ)
        self._filters = self._filters_before = list(_warnings.filters)
        self._import = builtins.__import__

    def __enter__(self) -> "Self":
        sys.meta_path.insert(0, self)
        builtins.__import__ = self._importing
        import atexit

        self._atexit, self._register = atexit, atexit.register
        atexit.register = self._registering  # type: ignore[assignment]
        self._active = True
        return self

    def __exit__(self, *_: object) -> None:
        self._settle()
        self._active = False
        sys.meta_path.remove(self)
        builtins.__import__ = self._import
        self._atexit.register = self._register
        for effects in self.effects.values():
            effects.filters = [entry for entry in effects.filters if entry in self._filters]
        self.set_filters(self._filters_before)
        for name in self._variables - set(self._environment):
            del os.environ[name]
        os.environ.update(self._environment)

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Let the ordinary finders find ``name``, and watch its execution."""
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                self._executing[-1].imports[name] = None
                self._modules.add(name)
                self.specs[name] = spec
                self.effects[name] = Effects()
                if spec.loader is not None:
                    spec.loader = _Watching(self, spec, self.effects[name])  # type: ignore[assignment]
                return spec
        return None

    def execute(self, loader: "Any", module: "ModuleType", effects: Effects) -> None:
        """Execute ``module``; what changes meanwhile, and not in what it loads, is its doing."""
        self._settle()
        self._executing.append(effects)
        try:
            loader.exec_module(module)
        finally:
            self._settle()
            self._executing.pop()

    def _importing(
        self,
        name: str,
        globals: "Mapping[str, object] | None" = None,  # noqa: A002
        locals: "Mapping[str, object] | None" = None,  # noqa: A002
        fromlist: "Sequence[str] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        """Note what is asked for: also what is loaded already, because alone the module would have to load it."""
        module = self._import(name, globals, locals, fromlist or (), level)
        full = name
        if level > 0:
            package = str((globals or {}).get("__package__")).rsplit(".", level - 1)[0]
            full = f"{package}.{name}" if name else package
        parts = full.split(".")
        asked = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        asked += [f"{full}.{item}" for item in fromlist or ()]
        self._executing[-1].imports.update((one, None) for one in asked if one in sys.modules)
        return module

    def _registering(self, function: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        if not self._active:
            return self._register(function, *args, **kwargs)
        self._executing[-1].exits.append((function, args, kwargs))
        return function

    def _settle(self) -> None:
        """Ascribe to the module that is being executed what has changed since the last time."""
        effects = self._executing[-1]
        filters = list(getattr(sys.modules.get("warnings"), "filters", _warnings.filters))
        effects.filters[:0] = filters[: max(0, len(filters) - len(self._filters))]
        self._filters = filters
        if len(os.environ) != len(self._variables):
            new = set(os.environ) - self._variables
            effects.environment.update((name, os.environ[name]) for name in sorted(new))
            self._variables |= new
        placed = sys.modules.keys() - self._modules
        effects.imports.update((name, None) for name in sorted(placed))
        self._modules |= placed

    @staticmethod
    def set_filters(filters: "Sequence[Any]") -> None:
        """Replace the warning filters; entering and leaving a context makes the interpreter see it."""
        import warnings

        warnings.filters[:] = filters  # type: ignore[index]
        with warnings.catch_warnings():
            pass


class _Watching:
    """Stands in for a loader until the module is executed."""

    def __init__(self, loading: Loading, spec: "ModuleSpec", effects: Effects) -> None:
        self._loading = loading
        self._spec = spec
        self._loader: Any = spec.loader
        self._effects = effects

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Leave it to the loader."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: "ModuleType") -> None:
        """Give the loader its place back, so that the module finds it there, and let it work."""
        self._spec.loader = module.__loader__ = self._loader
        self._loading.execute(self._loader, module, self._effects)
