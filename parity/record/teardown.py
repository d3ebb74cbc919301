"""Aborts of the communication library after training: a race at the end of processes, no property of training."""

import re
from pathlib import Path
from typing import Final

from parity.errors import TeardownAbortError
from parity.trace.manifest import read_manifest, write_manifest
from parity.trace.model import Trace

REMARK: Final = "started again: gloo had aborted a process whose training and trace were complete"
_ABORT: Final = re.compile(
    rb"terminate called after throwing an instance of '(c10::|gloo::)[^\n]*\n[^\n]*gloo|instance of 'gloo::"
    rb"|terminate called without an active exception"
)


def aborted_in_teardown(trace: Trace) -> bool:
    """Whether the program failed only in that gloo aborted a process after all ranks had sealed their traces."""
    if trace.exit_status in (0, None) or len(trace.processes) != trace.world:
        return False
    complete = all(process.sealed is not None and not any(process.channel("exception")) for process in trace.processes)
    return complete and _ABORT.search(_errors(trace.directory)) is not None


def remark(directory: Path) -> None:
    """Say in the manifest that the run is the second attempt."""
    manifest = read_manifest(directory)
    write_manifest(directory, {**manifest, "interventions": [*manifest["interventions"], REMARK]})


def refusal(trace: Trace) -> TeardownAbortError:
    """The error for a program that ended in this way, and was not, or in vain, started again."""
    message = (
        f"gloo aborted the program at the end of a complete training (status {trace.exit_status}): {trace.command}. "
        "Call torch.distributed.destroy_process_group() at the end of the program, or run it again."
    )
    return TeardownAbortError(message)


def _errors(directory: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(directory.glob("stderr*.txt")))
