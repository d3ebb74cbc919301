"""Making torch.compile do nothing: what it returns stays as it is, and runs the program's own code.

Nothing is imported or changed in a program that compiles nothing.
"""

import functools
from collections.abc import Callable
from typing import Any


def run_eagerly(write: Callable[[dict[str, Any]], None]) -> None:
    """Switch to eager execution when the program first compiles something, and write that down."""
    import torch

    original = torch.compile
    told: list[bool] = []

    @functools.wraps(original)
    def compile(*args: Any, **kwargs: Any) -> Any:  # noqa: A001
        if not told:
            told.append(True)
            torch.compiler.set_stance("force_eager")
            write({"record": "eager"})
        return original(*args, **kwargs)

    torch.compile = compile
