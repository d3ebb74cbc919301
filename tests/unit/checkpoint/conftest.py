import pytest
import torch

from tests.unit.checkpoint.reading import compare
from tests.unit.checkpoint.states import changed


@pytest.fixture
def both(tmp_path):
    def write(change, reference=lambda _: None):
        torch.save(changed(reference), tmp_path / "reference.pt")
        torch.save(changed(change), tmp_path / "candidate.pt")
        return compare(tmp_path / "reference.pt", tmp_path / "candidate.pt")

    return write
