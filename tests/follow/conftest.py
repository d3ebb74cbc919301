"""One place for all followed candidates of a test process."""

from pathlib import Path

import pytest

from parity.record.warm.launcher import WarmLauncher
from tests.follow.lockstep import Lockstep


@pytest.fixture(scope="session")
def lockstep(warm: WarmLauncher, tmp_path_factory: pytest.TempPathFactory) -> Lockstep:
    """Return the place where candidates are made and followed."""
    return Lockstep(directory=Path(tmp_path_factory.mktemp("follow")), launcher=warm)
