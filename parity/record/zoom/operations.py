"""Seeing operations where torch dispatches them, below autograd."""

from collections.abc import Callable
from typing import Any

from . import contents


def dispatch_mode(is_busy: Callable[[], bool], see: Callable[[Any], None]) -> Any:
    """A dispatch mode, not yet entered, that gives ``see`` each operation's record, unless the recorder itself is busy.

    Inputs are read before the operation runs, because it may write into them.
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    base: Any = TorchDispatchMode

    class Operations(base):  # type: ignore[misc]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if is_busy() or contents.is_uninitialised(function):
                return function(*args, **kwargs)
            inputs = _try(lambda: [contents.identity(one) for one in contents.read_by(function, args, kwargs)])
            literals = _try(lambda: contents.literals(function, args, kwargs))
            result = function(*args, **kwargs)
            outputs = _try(lambda: [contents.identity(one) for one in contents.tensors(result)])
            see({"name": str(function), "inputs": inputs, "literals": literals, "outputs": outputs})
            return result

    return Operations()


def _try(read: Callable[[], Any]) -> Any:
    """What ``read`` returns; whatever goes wrong while looking is none of the program's business."""
    try:
        return read()
    except Exception as error:
        return error
