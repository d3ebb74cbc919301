"""What is collected: measurements only where they are asked for; and interrupts that programs can receive."""

import os
import signal
import threading
from pathlib import Path

import pytest

if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background with interrupts ignored, and every program below would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Programs are to run in tests, whatever ran before; those about the cache have one of their own.
os.environ["PARITY_CACHE"] = "off"

BENCH = Path(__file__).with_name("bench")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``nox -s matrix`` ask for every combination of family gpt2."""
    parser.addoption(
        "--matrix", choices=("pairwise", "all"), default="pairwise", help="which combinations tests/matrix trains"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave ``tests/bench`` to ``nox -s bench``: a measurement is no test, and takes minutes."""
    return True if collection_path == BENCH and not config.getoption("benchmark_enable") else None
