"""What is collected: measurements only where they are asked for."""

from pathlib import Path

import pytest

BENCH = Path(__file__).with_name("bench")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave ``tests/bench`` to ``nox -s bench``: a measurement is no test, and takes minutes."""
    return True if collection_path == BENCH and not config.getoption("benchmark_enable") else None
