"""Runs a trainer (a script, or a module after -m) and prints the processor time between two of its updates."""

import runpy
import sys
import time

from torch.optim.optimizer import register_optimizer_step_post_hook

first, last, *words = sys.argv[1:]
moments: list[float] = []
register_optimizer_step_post_hook(lambda *_: moments.append(time.process_time()))
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
