"""The watch over one micro-step: open from its first forward to the end of its backward, and closed otherwise.

It is opened and closed by the listener's events, so no call of a model and no backward is patched a second time for the
rest of the program. Outside the watched micro-steps nothing is in place.
"""

import functools
import os
import threading
from collections.abc import Callable
from typing import Any

from ...trace.digests import ALGORITHM
from ...trace.zoom import OUTSIDE, SCHEMA, SUFFIX
from ..module_paths import ModulePaths, bare
from . import contents
from .lines import Lines
from .operations import dispatch_mode


class Watch:
    """What happens in the watched micro-steps, written down as it happens."""

    def __init__(self, listener: Any, update: int, micro_step: int | None) -> None:
        self._listener = listener
        self._place = (update, micro_step)
        self._lines = Lines()
        self._mode: Any = None
        self._original: Any = None
        self._watched = -1
        self._thread = 0
        self._is_alone = True
        self._faults: set[str] = set()
        self._paths = ModulePaths()
        self._stack: list[str] = []
        self._where = ""
        self._hooks: list[Any] = []
        self._inputs: list[Any] = []

    # -- events ------------------------------------------------------------------------------------------------------

    def forward_begins(self, model: Any, args: Any, kwargs: Any) -> None:
        """A training forward: open the watch if this is the place."""
        step = self._listener.micro_steps
        if self._watched != step or self._original is None:
            self.close()
            if not self._is_wanted(step):
                return
            self._begin(step)
        self._paths.learn(model)
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            self.write({"record": "parameter", "name": bare(name), **contents.parameter(tensor)})
        self._inputs = contents.listed((args, kwargs))
        self._where = self._paths.path(model)
        if self._original is None:
            self._open()

    def forward_ends(self, model: Any, output: Any) -> None:
        """The model has returned. Operations are seen until the backward: the loss may be computed outside."""
        if self._original is not None:
            self._finish_call(model, self._paths.path(model), self._inputs, output, is_root=True)
            self._inputs = []
            self._where = OUTSIDE
            if not self._is_alone:
                self._leave_mode()

    def backward_begins(self, losses: Any) -> None:
        """The forward part is over."""
        if self._original is None:
            return
        self._leave()
        for tensor in contents.tensors(losses if isinstance(losses, (list, tuple)) else [losses]):
            self.write({"record": "loss", "tensor": contents.content(tensor)})
        self._mode = dispatch_mode(self._is_busy, functools.partial(self._see, backward=True))
        self._mode.__enter__()

    def backward_ends(self, parameters: Any, taken: Any) -> None:
        """The micro-step is complete."""
        if self._mode is None or self._original is not None:
            return
        self._leave()
        known = parameters or [tensor for _, tensor in self._listener.roots.parameters()]
        gradients = taken if parameters else [tensor.grad for tensor in known]
        for parameter, gradient in zip(known, gradients, strict=True):
            if gradient is not None:
                name = bare(self._listener.parameter_name(parameter))
                self.write({"record": "parameter_gradient", "name": name, "tensor": contents.content(gradient)})
        self.write({"record": "end"})
        self.close()

    def close(self, *_: Any) -> None:
        """Take everything away again. A forward that raised, or had no backward, is closed by whatever comes next."""
        if self._watched < 0:
            return
        self._watched = -1
        self._leave()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._paths.forget()
        self._stack.clear()
        self._lines.flush()

    def guarded(self, action: Callable[..., Any]) -> Callable[..., Any]:
        """``action`` of ours; when it fails, that is written down and nothing of ours stays in place."""

        @functools.wraps(action)
        def attempt(*args: Any) -> Any:
            try:
                return action(*args)
            except Exception as error:
                self.write({"record": "fault", "error": f"{type(error).__name__}: {error}"})
                self.close()
                raise

        return attempt

    def write(self, record: dict[str, Any]) -> None:
        """Write one line."""
        self._lines.add(record)

    # -- the window --------------------------------------------------------------------------------------------------

    def _is_wanted(self, step: int) -> bool:
        update, wanted = self._place
        return bool(self._listener.update == update and wanted in (None, step))

    def _begin(self, step: int) -> None:
        listener = self._listener
        header = {
            "record": "header",
            "schema": SCHEMA,
            "rank": int(os.environ.get("RANK", "0")),
            "update": self._place[0],
            "digest": ALGORITHM,
        }
        self._lines.open(listener.path.with_suffix(SUFFIX), header)
        self._watched = step
        self.write({"record": "micro_step", "number": step})

    def _open(self) -> None:
        import torch

        self._thread = threading.get_ident()
        # What the program watches operations with may end before its backward, and has to leave before we do.
        self._is_alone = torch._C._len_torch_dispatch_stack() == 0

        below = self._original = torch.nn.Module.__call__
        watch = self

        @functools.wraps(below)
        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if watch._is_busy() or threading.get_ident() != watch._thread:
                return below(self, *args, **kwargs)
            return watch._call(below, self, args, kwargs)

        torch.nn.Module.__call__ = __call__  # type: ignore[method-assign]
        self._mode = dispatch_mode(self._is_busy, functools.partial(self._see, backward=False))
        self._mode.__enter__()

    def _leave(self) -> None:
        """Take the mode and the patch away."""
        import torch

        self._leave_mode()
        original, self._original = self._original, None
        if original is not None:
            torch.nn.Module.__call__ = original  # type: ignore[method-assign]

    def _leave_mode(self) -> None:
        mode, self._mode = self._mode, None
        if mode is not None:
            mode.__exit__(None, None, None)

    # -- what is seen ------------------------------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        """Whether what happens now is done by the recorder itself."""
        return bool(self._listener.busy)

    def _quietly(self, action: Callable[..., Any], *args: Any) -> Any:
        return self._listener.quietly("zoom", self.guarded(action), *args) if self._watched >= 0 else None

    def _call(self, below: Callable[..., Any], module: Any, args: Any, kwargs: Any) -> Any:
        path = self._paths.call(module)
        inputs = self._quietly(contents.listed, (args, kwargs))
        self._stack.append(path)
        try:
            output = below(module, *args, **kwargs)
        finally:
            self._stack.pop()
        self._quietly(self._finish_call, module, path, inputs, output)
        return output

    def _finish_call(self, module: Any, path: str, inputs: Any, output: Any, *, is_root: bool = False) -> None:
        self.write(
            {
                "record": "call",
                "path": path,
                "class": type(module).__name__,
                "arguments": contents.arguments(module),
                "depth": 0 if is_root else len(self._stack) + 1,
                "root": is_root,
                "inputs": inputs or [],
                "outputs": contents.listed(output),
            }
        )
        for position, tensor in enumerate(contents.tensors(output)):
            if tensor.requires_grad and tensor.grad_fn is not None:
                self._hooks.append(tensor.register_hook(functools.partial(self._gradient, path, position)))

    def _gradient(self, path: str, position: int, gradient: Any) -> None:
        self._where = path
        self._quietly(self._write_gradient, path, position, gradient)

    def _write_gradient(self, path: str, position: int, gradient: Any) -> None:
        self.write({"record": "gradient", "path": path, "position": position, "tensor": contents.content(gradient)})

    def _see(self, found: dict[str, Any], *, backward: bool) -> None:
        fault = next((one for one in found.values() if isinstance(one, Exception)), None)
        if fault is not None:
            error = f"{found['name']}: {type(fault).__name__}: {fault}"
            if error not in self._faults:
                self._faults.add(error)
                self.write({"record": "fault", "error": error})
            return
        # In a backward, it is the module whose output's gradient was seen last.
        module = self._stack[-1] if self._stack else self._where
        self.write({"record": "operation", "backward": backward, "module": module, **found})
