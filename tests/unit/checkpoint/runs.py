"""Compare every file of a directory with itself, each in a process of its own; print what became of it.

Run as a program, without torch: arguments are a directory and the seconds of a processor that one comparison may
take.
"""

import io
import json
import os
import resource
import signal
import sys
import time
from contextlib import redirect_stdout, suppress
from pathlib import Path

from parity.cli import main

PATIENCE = 4
"""Times as long as its seconds on a processor that a comparison may take on the clock."""


def run(path, out, limit):
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        # What waits for something uses no processor; on a busy machine all else takes longer, too.
        signal.alarm(PATIENCE * limit)
        with out.open("w") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
            try:
                main(["checkpoint", str(path), str(path), "--json"])
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(int(end.code or 0))
    _, status, usage = os.wait4(child, 0)
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "megabytes": usage.ru_maxrss / 1024,
        "seconds": time.perf_counter() - begin,
        "output": out.read_text(errors="replace")[:200_000],
    }


def compare_once(place):
    """Compare a good file with itself here, so that everything is imported once, before the forks."""
    path = place / "good.yaml"
    path.write_text("a: 1\n")
    with redirect_stdout(io.StringIO()), suppress(SystemExit):
        main(["checkpoint", str(path), str(path), "--json"])


if __name__ == "__main__":
    folder, limit = Path(sys.argv[1]), int(sys.argv[2])
    outputs = folder.parent / "outputs"
    outputs.mkdir()
    compare_once(outputs)
    print(json.dumps({path.name: run(path, outputs / path.name, limit) for path in sorted(folder.iterdir())}))
