"""One workshop for all mutants of a test process."""

from pathlib import Path

import pytest

from parity.record.warm.launcher import WarmLauncher
from tests.mutants.specimens import Workshop


@pytest.fixture(scope="session")
def workshop(warm: WarmLauncher, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Return the place where mutants are made."""
    return Workshop(directory=Path(tmp_path_factory.mktemp("workshop")), launcher=warm)
