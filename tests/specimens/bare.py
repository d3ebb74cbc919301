"""Runs scripts that nobody listens to, each in a copy of this process, which has torch loaded.

Reads one line of JSON for each, and answers with its exit status.
"""

import json
import os
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Start one copy after the other; in each of them, the script."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def become(request: dict[str, list[str]]) -> None:
    """Give this process the arguments and streams of a script, and run it."""
    for descriptor, path in enumerate([os.devnull, *request["streams"]]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    sys.argv[:] = request["words"]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
