"""One place for all followed candidates of a test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parity.record.warm.launcher import WarmLauncher
from tests.follow.lockstep import Lockstep


@pytest.fixture(scope="session")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lockstep]:
    """Yield the place where candidates are made and followed."""
    with WarmLauncher() as launcher:
        yield Lockstep(directory=Path(tmp_path_factory.mktemp("follow")), launcher=launcher)
