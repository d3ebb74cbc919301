"""What the program prints: each line as a template, and its numbers.

``write`` is replaced on the stream object itself, so its identity, encoding and terminal stay what they are, and every
byte goes through unchanged.
"""

import sys
import threading
from typing import Any, Final

from ...trace.lines import split_line

CHANNELS: Final = ("log_line", "log_value")
SEAM: Final = "the write method of sys.stdout and sys.stderr"
BLIND: Final = (
    "output before torch is imported, of other threads, of child processes, of native code, and bytes written to "
    "sys.stdout.buffer; an unfinished last line of sys.stderr, where progress bars stop"
)
_MOST_TEMPLATES: Final = 2000


def install(listener: Any) -> None:
    """Observe complete lines of both streams."""
    templates: set[str] = set()
    quiet = threading.local()

    def observe(line: str) -> None:
        template, numbers = split_line(listener.places.neutral(line))
        if not template or (template not in templates and len(templates) >= _MOST_TEMPLATES):
            return
        templates.add(template)
        listener.site(f"log:{template}")
        listener.observe("log_line", 1, template)
        for position, number in enumerate(numbers):
            listener.observe("log_value", number, f"{template}#{position}")
        if listener.stepped:
            listener.flush()

    def tap(stream: Any, parts: dict[int, str]) -> None:
        original = stream.write

        def write(text: str) -> int:
            written: int = original(text)
            if not getattr(quiet, "on", False):
                quiet.on = True
                try:
                    listener.emit("printed", parts, text)
                finally:
                    quiet.on = False
            return written

        listener.patches.put(stream, "write", write)

    def printed(parts: dict[int, str], text: str) -> None:
        thread = threading.get_ident()
        *lines, parts[thread] = (parts.get(thread, "") + text).split("\n")
        for line in lines:
            observe(line)

    unfinished: dict[int, str] = {}
    listener.on("printed", "printing", printed)
    listener.on("finish", "printing", lambda _: observe(unfinished.get(threading.get_ident(), "")))
    for stream, parts in ((sys.stdout, unfinished), (sys.stderr, {})):
        if stream is not None:
            tap(stream, parts)
