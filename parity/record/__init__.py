"""Runs a program unmodified and listens to everything that defines its training.

The room is also the verb: ``with parity.record() as run:`` records a block of code, see :mod:`parity.record.block`.
Python binds this package to the name ``parity.record`` whenever anything in it is imported, so that the name can mean
nothing else; called, it does what its name says.
"""

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the block under ``with``: ``parity.record.block.recording``."""
        from .block import recording

        return recording(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
