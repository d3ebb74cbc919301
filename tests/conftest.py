"""What is collected: measurements only where they are asked for; and interrupts that programs can receive."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from parity.record.warm.launcher import WarmLauncher
from tests.servers import SERVERS

if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background with interrupts ignored, and every program below would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Programs are to run in tests, whatever ran before; those about the cache have one of their own.
os.environ["PARITY_CACHE"] = "off"
# What most tests ask for, so that programs of all tests can start from one server.
os.environ.setdefault("OMP_NUM_THREADS", "1")

BENCH = Path(__file__).with_name("bench")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``nox -s matrix`` ask for every combination of family gpt2, and whoever wants for every mutant."""
    parser.addoption(
        "--matrix", choices=("pairwise", "all"), default="pairwise", help="which combinations tests/matrix trains"
    )
    parser.addoption("--mutants", choices=("sample", "all"), default="sample", help="which rows tests/mutants plants")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave ``tests/bench`` to ``nox -s bench``: a measurement is no test, and takes minutes."""
    return True if collection_path == BENCH and not config.getoption("benchmark_enable") else None


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[WarmLauncher]:
    """Yield what starts programs warm, and end its servers with the session."""
    with SERVERS:
        yield SERVERS
