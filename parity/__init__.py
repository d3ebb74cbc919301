"""Proves that a refactored PyTorch trainer still trains the same way as its legacy original.

For tests: ``with parity.record() as run:`` records a block of code; ``parity.compare_runs`` and
``parity.assert_parity`` compare two of them. Nothing is imported before it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.assertion import assert_parity as assert_parity
    from parity.assertion import compare_runs as compare_runs
    from parity.record.block import recording as record

_PUBLIC = {"assert_parity": "assertion", "compare_runs": "assertion", "record": "record"}

__all__ = ["assert_parity", "compare_runs", "record"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = import_module(f"{__name__}.{_PUBLIC[name]}")
    return module if name == "record" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
