"""One warm server for all specimens of a worker."""

from collections.abc import Iterator

import pytest

from parity.record.processes import Launcher
from parity.record.warm.launcher import WarmLauncher


@pytest.fixture(scope="session")
def warm() -> Iterator[Launcher]:
    with WarmLauncher() as launcher:
        yield launcher
