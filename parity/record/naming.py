"""What the parameters and buffers of a program are called, whichever probes listen to it.

A model is named when it is called. One that never is called as a module is looked for among the objects that the
interpreter knows. ``named`` is emitted with ``(name, tensor, is a parameter)`` of everything that has got a name.

Loaded inside recorded programs: the standard library, and torch where it already is.
"""

import gc
from typing import Any, Final

from .probes.roots import Roots, kind_of

_NAMING: Final = "naming"


class Naming:
    """Names models, and finds those that nobody has called."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._searched: set[int] = set()
        self.roots = Roots()
        listener.on("model", _NAMING, self._register)
        listener.on("backward_begins", _NAMING, self._search)

    def name(self, parameter: Any) -> str:
        """The name of ``parameter``; of one in no model, its kind."""
        name = self.roots.name(parameter)
        if name is None:
            self.refresh()
            name = self.roots.name(parameter)
        if name is None and id(parameter) not in self._searched:
            self._searched.add(id(parameter))
            self._find(parameter)
            name = self.roots.name(parameter)
        return name or f"unnamed {kind_of(parameter)}"

    def refresh(self) -> None:
        """Name what known models have gained since they were first seen."""
        self._tell(self.roots.refresh())

    def _register(self, model: Any) -> None:
        self._tell(self.roots.register(model))

    def _tell(self, named: list[tuple[str, Any, bool]]) -> None:
        if named:
            self._listener.emit("named", named)

    def _search(self, _: Any) -> None:
        if not self._searched and next(self.roots.parameters(), None) is None:
            self._searched.add(0)
            self._find()

    def _find(self, parameter: Any = None) -> None:
        """Register models that are never called as modules: the outermost ones, or the one that holds ``parameter``.

        Of two that hold the same parameters, one is a wrapper around the other.
        """
        import torch

        # Only types are asked: attributes of a stranger's object may run code.
        modules = [one for one in gc.get_objects() if issubclass(type(one), torch.nn.Module)]
        inner = {id(part) for module in modules for part in module.modules() if part is not module}
        outermost = [module for module in modules if id(module) not in inner]
        outermost.sort(key=lambda module: (-len(list(module.parameters())), type(module).__name__))
        for module in outermost:
            held = (one for one in module.parameters() if one is parameter or (parameter is None and one.requires_grad))
            if next(held, None) is not None:
                self._register(module)
