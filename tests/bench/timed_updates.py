"""Runs a trainer (a script, or a module after -m) and prints the time between two of its updates.

On the CPU it is processor time, which other programs disturb least; where a GPU works, it is its time.
"""

import runpy
import sys
import time

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook


def now() -> float:
    """Seconds; a GPU has done by then what it was asked for."""
    if not torch.cuda.is_initialized():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


first, last, *words = sys.argv[1:]
moments: dict[int, float] = {}
steps = 0


def stepped(*_: object) -> None:
    """Look at the clock at the two updates only: looking makes a GPU wait."""
    global steps
    if steps in (int(first), int(last)):
        moments[steps] = now()
    steps += 1


register_optimizer_step_post_hook(stepped)
is_module = words[0] == "-m"
sys.argv = words[1:] if is_module else words
try:
    if is_module:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = words[0].rpartition("/")[0]
        runpy.run_path(words[0], run_name="__main__")
except SystemExit as left:
    if left.code:
        raise
print(f"seconds {moments[int(last)] - moments[int(first)]!r}")
