"""Starts the listener inside a recorded program, the moment torch has been imported and before user code sees it.

Python imports this module at start-up because its folder stands first in PYTHONPATH. It chains the sitecustomize that
it shadows, takes itself out of ``sys.path`` again, and costs next to nothing in a program that never imports torch.
"""

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VARIABLE = "PARITY_RECORD"
ALIAS = "_parity_recorder"


class _Finder:
    """Sees the import of a module, lets the ordinary finders do it, and calls back once it has been executed."""

    is_parity_boot = True

    def __init__(self, callbacks: "dict[str, Callable[[], None]]") -> None:
        self._callbacks = callbacks
        self._asking: set[str] = set()

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name not in self._callbacks or name in self._asking:
            return None
        self._asking.add(name)
        try:
            for finder in sys.meta_path:
                find = None if finder is self else getattr(finder, "find_spec", None)
                spec = find(name, path, target) if find else None
                if spec is not None:
                    self._call_after(name, spec.loader)
                    return spec
        finally:
            self._asking.discard(name)
        return None

    def _call_after(self, name: str, loader: "Any") -> None:
        """Call back after the loader has executed its module; the loader object itself stays the ordinary one.

        A program that only asks whether the module exists, by ``importlib.util.find_spec``, does not use it up.
        """
        execute = loader.exec_module

        def exec_module(module: "Any") -> None:
            del loader.exec_module
            execute(module)
            callback = self._callbacks.pop(name, None)
            if callback is not None:
                callback()

        loader.exec_module = exec_module


def _start(settings: "dict[str, Any]") -> None:
    """Load the recorder by path, under a name that no program uses, and install it. Never disturb the program."""
    try:
        import importlib.util

        package = settings["package"]
        spec: Any = importlib.util.spec_from_file_location(
            ALIAS, os.path.join(package, "__init__.py"), submodule_search_locations=[package]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[ALIAS] = module
        spec.loader.exec_module(module)
        importlib.import_module(ALIAS + ".record.listener").install(settings)
    except Exception:
        _report_failure(settings)


def _report_failure(settings: "dict[str, Any]") -> None:
    import traceback

    try:
        path = os.path.join(settings["directory"], f"recorder-failure-{os.getpid()}.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        sys.stderr.write("parity: the recorder could not start and could not say why: its directory is not writable\n")


def _seed_numpy(seed: int) -> None:
    """Give numpy's global generator, and every generator made without a seed, a fixed one."""
    import numpy as np

    np.random.seed(seed)
    unseeded = np.random.default_rng

    def default_rng(seed_given: "Any" = None) -> "Any":
        return unseeded(seed if seed_given is None else seed_given)

    np.random.default_rng = default_rng  # type: ignore[assignment]


def _is_launcher() -> bool:
    """Whether this process only starts workers, as torchrun does: its workers are recorded, not itself."""
    words = sys.orig_argv
    return "torch.distributed.run" in words or any(os.path.basename(word) == "torchrun" for word in words[:3])


def _stand_by(settings: "dict[str, Any]") -> None:
    """Become a server that has torch loaded; return in each copy of it, in which a program is to start."""
    with _load(settings, "warm", "loading").Loading() as loading:
        stash, program, server = (_load(settings, "warm", name) for name in ("stash", "program", "server"))
        unsuited = server.preload()
    server.serve(settings["serve"], unsuited, stash.Stash(loading), program)


def _load(settings: "dict[str, Any]", *place: str) -> "Any":
    """Execute a file of the recorder without importing anything for it or because of it."""
    module = type(sys)("_parity_" + place[-1])
    path = os.path.join(settings["package"], "record", *place) + ".py"
    loader: Any = globals()["__loader__"]
    type(loader)(module.__name__, path).exec_module(module)
    return module


def _boot() -> None:
    text = os.environ.get(VARIABLE)
    if not text or _is_launcher() or any(hasattr(finder, "is_parity_boot") for finder in sys.meta_path):
        return  # there is nothing to record here, or a .pth file is being executed again, as happens in environments
    settings = json.loads(text)
    if "serve" in settings:
        _stand_by(settings)
        settings = json.loads(os.environ[VARIABLE])
    if settings.get("reads"):
        _load(settings, "reads").watch(settings)
    callbacks: dict[str, Callable[[], None]] = {"torch": lambda: _start(settings)}
    seed = settings.get("seed")
    if seed is not None:
        import random

        random.seed(seed)
        callbacks["numpy"] = lambda: _seed_numpy(seed)
    sys.meta_path.insert(0, _Finder(callbacks))


def _chain() -> None:
    """Give way to the sitecustomize that this one shadows."""
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_boot()
if __name__ == "sitecustomize":  # and not executed by a .pth file, which shadows nothing
    _chain()
