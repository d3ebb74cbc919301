"""What becomes of a verb whose output nobody reads any more, as in ``parity help | head``."""

import os
import select
import signal
import sys
from typing import Final

_OUTPUTS: Final = (1, 2)


def unread() -> bool:
    """Whether the reader of standard output, or of standard error, is gone."""
    poll = select.poll()
    for output in _OUTPUTS:
        poll.register(output, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def end_unread() -> None:
    """End as any Unix program does whose reader is gone: silently, by SIGPIPE, which a shell shows as status 141."""
    # What is still buffered can go nowhere, and must not be complained about at exit.
    sys.stdout = sys.stderr = None
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
