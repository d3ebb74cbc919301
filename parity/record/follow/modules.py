"""One forward, module by module: what every module is given and makes of it, each set to the reference's.

A module is judged after those inside it were set right: it differs only by what it does itself. Where what it is given
differs, it is the code that calls it.
"""

import functools
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...trace.digests import digest_tensor
from ..module_paths import ModulePaths
from ..probes.roots import inputs, kind_of
from ..zoom.contents import arguments
from .forcing import passing, substituted
from .generators import Generators

NOTE = "modules"
Tensors = list[tuple[str, int]]
"""Kind and digest of each tensor."""


class Call(NamedTuple):
    """One call of a module: its label, which is the reference's path, its own, and all that is said of it."""

    label: str
    path: str
    kind: str
    arguments: str
    caller: str
    given: Tensors
    made: Tensors


def install(listener: Any, side: Any, options: Mapping[str, Any]) -> None:
    """Meet every module of one forward.

    ``options`` hold the ``update`` and the ``micro_step``, and ``paths``, which lead from the candidate's paths of
    modules to the reference's.
    """
    look = Look(listener, side, options)
    listener.on("model_called", "follow", look.open)
    listener.on("training_output", "follow", look.shut)
    for event in ("eval_forward", "first_step_begins", "update_ends", "finish"):
        listener.on(event, "follow", look.close)


class Look:
    """What is seen of one forward. The patch is the outermost: what others look at there is the program's own."""

    def __init__(self, listener: Any, side: Any, options: Mapping[str, Any]) -> None:
        self._listener = listener
        self._side = side
        self._place = (int(options["update"]), int(options["micro_step"]))
        self._ours = sorted(options["paths"].items(), key=lambda item: -len(item[0]))
        self._generators = Generators(side)
        self._paths = ModulePaths()
        self._original: Any = None
        self._thread = 0
        self._stack: list[str] = [""]
        self._labels: set[str] = set()
        self._classes: Counter[tuple[str, str]] = Counter()
        self._calls: list[Call] = []

    def open(self, kind: str, model: Any, _: Any) -> None:
        """A model is called: if this is the place, look at the modules that it calls."""
        listener = self._listener
        if kind != "training" or self._original is not None or (listener.update, listener.micro_steps) != self._place:
            return
        import torch

        self._paths.learn(model)
        self._thread = threading.get_ident()
        below = self._original = torch.nn.Module.__call__
        look = self

        @functools.wraps(below)
        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if look._listener.busy or threading.get_ident() != look._thread:
                return below(self, *args, **kwargs)
            return look._call(below, self, args, kwargs)

        torch.nn.Module.__call__ = __call__  # type: ignore[method-assign]

    def shut(self, model: Any, output: Any) -> None:
        """The model has returned: say what it made of all that."""
        if self._original is None:
            return
        made = [(kind_of(tensor), digest_tensor(tensor)) for tensor in _leaves(output)]
        self._calls.append(Call("", "", type(model).__name__, arguments(model), "", [], made))
        self.close()

    def close(self, *_: Any) -> None:
        """Take the patch away, and write down what was seen."""
        if self._original is None:
            return
        import torch

        torch.nn.Module.__call__, self._original = self._original, None  # type: ignore[method-assign]
        self._listener.note({NOTE: [list(call) for call in self._calls]})

    def _call(self, below: Callable[..., Any], module: Any, args: Any, kwargs: Any) -> Any:
        begun = self._quietly(self._begin, module, args, kwargs)
        if begun is None:
            return below(module, *args, **kwargs)
        call, args, kwargs = begun
        self._stack.append(call.label)
        try:
            output = below(module, *args, **kwargs)
        finally:
            self._stack.pop()
        ended = self._quietly(self._end, call, output)
        return output if ended is None else ended[0]

    def _quietly(self, action: Callable[..., Any], *args: Any) -> Any:
        """What ``action`` of ours returns; when it fails, nobody closes us any more, and nothing of ours may stay."""

        def attempt() -> Any:
            try:
                return action(*args)
            except Exception:
                self.close()
                raise

        return self._listener.quietly("follow", attempt)

    def _begin(self, module: Any, args: Any, kwargs: Any) -> tuple[Call, Any, Any]:
        path, kind = self._paths.call(module), type(module).__name__
        label = self._label(path, kind)
        given, replaced = [], {}
        for position, tensor in enumerate(inputs(module, args, kwargs)):
            digest = digest_tensor(tensor)
            given.append((kind_of(tensor), digest))
            value = self._side.meet("module inputs", f"module/{label}/given/{position}", tensor, digest)
            if value is not None:
                replaced[id(tensor)] = passing(tensor, value)
        if replaced:
            args, kwargs = substituted((args, kwargs), replaced)
        self._generators.meet(f"module/{label}/begins")
        return Call(label, path, kind, arguments(module), self._stack[-1], given, []), args, kwargs

    def _end(self, call: Call, output: Any) -> tuple[Any]:
        from torch.utils import _pytree

        leaves, form = _pytree.tree_flatten(output)
        shown = [self._made(call, position, leaf) for position, leaf in enumerate(leaves)]
        self._generators.meet(f"module/{call.label}/ends")
        self._calls.append(call)
        same = all(one is leaf for one, leaf in zip(shown, leaves, strict=True))
        return (output if same else _pytree.tree_unflatten(shown, form),)

    def _made(self, call: Call, position: int, leaf: Any) -> Any:
        import torch

        if not isinstance(leaf, torch.Tensor):
            return leaf
        digest = digest_tensor(leaf)
        call.made.append((kind_of(leaf), digest))
        value = self._side.meet("module outputs", f"module/{call.label}/made/{position}", leaf, digest)
        return leaf if value is None else passing(leaf, value)

    def _label(self, path: str, kind: str) -> str:
        """The reference's path for this call: by name, or as the same one of its class that the same module calls."""
        caller = self._stack[-1]
        number = self._classes[caller, kind]
        self._classes[caller, kind] += 1
        wanted = _translated(path, self._ours)
        by_class = f"class/{caller}/{kind}/{number}"
        known = self._side.look(f"module/{wanted}", kind) is not None
        label = self._side.look(by_class, wanted)
        if known or label is None or label in self._labels:
            label = wanted
        self._labels.add(label)
        return str(label)


def _translated(path: str, paths: list[tuple[str, str]]) -> str:
    for ours, theirs in paths:
        if path == ours or path.startswith((f"{ours}.", f"{ours}#")):
            return theirs + path[len(ours) :]
    return path


def _leaves(output: Any) -> list[Any]:
    import torch
    from torch.utils import _pytree

    return [leaf for leaf in _pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]
