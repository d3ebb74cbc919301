"""Asking a running training to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ShutdownFlag:
    """A flag that SIGINT and SIGTERM raise, and that the training loop looks at when it suits it."""

    def __init__(self) -> None:
        """Start with the flag down."""
        self.requested = False

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Let the signals raise the flag instead of ending the process; the previous handlers come back at the end."""
        previous = {number: signal.signal(number, self._raise) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _raise(self, *_details: object) -> None:
        # nothing else happens here: a handler that prints may interrupt another print
        self.requested = True
