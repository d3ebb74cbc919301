"""One workshop for all mutants of a test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from parity.record.warm.launcher import WarmLauncher
from tests.mutants.specimens import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Yield the place where mutants are made."""
    with WarmLauncher() as launcher:
        yield Workshop(directory=Path(tmp_path_factory.mktemp("workshop")), launcher=launcher)
