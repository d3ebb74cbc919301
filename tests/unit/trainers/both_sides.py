"""Running family char_gpt in this process: the witness as the script that it is, and its successor."""

import runpy
import signal
import sys

from tests.unit.trainers.witness import SCRIPT
from trainers.__main__ import main

SMALL = (
    *("--dataset=tiny", "--file_logging=False", "--device=cpu", "--compile=False", "--dtype=float32"),
    *("--n_layer=1", "--n_head=2", "--n_embd=8", "--block_size=8", "--batch_size=2"),
    *("--gradient_accumulation_steps=1", "--eval_iters=1", "--eval_interval=2"),
)


def reference(arguments, monkeypatch):
    """Run the script as its own main module; what it raises is raised."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def candidate(arguments, _monkeypatch):
    """Run the command, which has to end well."""
    assert main(["char_gpt", *arguments]) == 0
