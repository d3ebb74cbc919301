"""Keeping the recorder out of what torch.compile captures.

After a graph break the compiler looks at every Python frame that runs, also at those of the recorder, and would make
graphs of them. Each code object of the recorder is marked to be left alone; what runs under the listener's methods is
left alone altogether. Frames that the compiler inlines are another matter: there, ``torch.compiler.is_compiling`` is
true, and the probes pass through.

Loaded inside recorded programs: the standard library, and torch where it already is.
"""

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any


def hide_recorder(package: str, *opaque: type) -> None:
    """Mark the functions of all loaded modules of ``package``; under the methods of ``opaque``, hide everything."""
    try:
        from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy
    except ImportError:
        return
    alone = _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.DEFAULT)
    altogether = _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP)
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(f"{package}.")]
    for module in modules:
        for code in _codes(vars(module), module.__name__):
            set_code_exec_strategy(code, alone)
    for owner in opaque:
        for code in _codes(vars(owner), owner.__module__):
            set_code_exec_strategy(code, altogether)


def _codes(names: Any, module: str) -> Iterator[CodeType]:
    """The code of the functions and methods that ``module`` defines, and of those inside them."""
    for value in list(names.values()):
        function = getattr(value, "fget", None) or getattr(value, "__wrapped__", value)
        if isinstance(function, FunctionType) and function.__module__ == module:
            yield from _with_inner(function.__code__)
        elif isinstance(value, type) and value.__module__ == module:
            yield from _codes(vars(value), module)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)
