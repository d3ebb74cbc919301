"""One workshop for all mutants of a test process."""

from pathlib import Path

import pytest

from tests.mutants.specimens import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Return the place where mutants are made."""
    return Workshop(directory=Path(tmp_path_factory.mktemp("workshop")))
