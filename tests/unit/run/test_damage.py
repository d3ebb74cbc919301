import os

import pytest
import torch

from parity.checkpoint.reading import read_checkpoint
from parity.errors import CheckpointMissingError
from parity.run.damage import damage_newest
from parity.run.saved import compare_saved


def saved(place, name, value, *, at):
    torch.save({"model": {"w": torch.full((64,), float(value))}, "config": {"out": str(place)}}, place / name)
    os.utime(place / name, (at, at))


@pytest.mark.parametrize("how", ["truncate", "garble"])
def test_the_newest_checkpoint_becomes_unreadable_and_nothing_else(tmp_path, how):
    saved(tmp_path, "z.pt", 1, at=1)
    saved(tmp_path, "a.pt", 2, at=2)
    (tmp_path / "log.txt").write_text("written last", encoding="utf-8")
    kept = (tmp_path / "z.pt").read_bytes()
    assert damage_newest(tmp_path, how) == "a.pt"
    with pytest.raises(Exception, match=r".*"):
        torch.load(tmp_path / "a.pt")
    assert (tmp_path / "z.pt").read_bytes() == kept
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "written last"


def test_nothing_to_damage_is_an_error_that_says_so(tmp_path):
    (tmp_path / "log.txt").write_text("x", encoding="utf-8")
    with pytest.raises(CheckpointMissingError, match="holds no checkpoint to damage"):
        damage_newest(tmp_path, "truncate")


@pytest.mark.parametrize(("value", "differences"), [(1, 0), (2, 1)])
def test_what_was_saved_is_compared_without_the_configuration(tmp_path, value, differences):
    for name, content in (("straight", 1), ("resumed", value)):
        (tmp_path / name).mkdir()
        saved(tmp_path / name, "ckpt.pt", content, at=1)
    saved(tmp_path / "resumed", "emergency.pt", 5, at=1)
    found = compare_saved(tmp_path / "straight", tmp_path / "resumed")
    assert len(found) == differences
    assert len(read_checkpoint(tmp_path / "resumed").units) == 2


def test_nothing_of_one_name_is_not_compared(tmp_path):
    for name in ("straight", "resumed"):
        (tmp_path / name).mkdir()
        saved(tmp_path / name, f"{name}.pt", 1, at=1)
    assert compare_saved(tmp_path / "straight", tmp_path / "resumed") is None
    assert compare_saved(tmp_path / "straight", tmp_path / "nowhere") is None
