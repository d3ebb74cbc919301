import mmap
import struct
from pathlib import Path

import pytest

from parity.record.worlds.table import SLOT_BYTES, Slot, Table


@pytest.fixture
def table(tmp_path):
    with_three = Table(str(tmp_path / "table"), 3)
    yield with_three
    with_three.close()
    assert not (tmp_path / "table").exists()


def test_every_rank_has_its_own_part(table):
    slots = [Slot(table.path, rank) for rank in range(3)]
    assert table.read() == [{}, {}, {}]
    slots[2].write({"update": 5})
    slots[0].write({"update": 1})
    slots[0].write({"update": 2})
    assert table.read() == [{"update": 2}, {}, {"update": 5}]
    assert table.beats == [2, 0, 1]


@pytest.mark.parametrize("torn", range(16))
def test_a_part_that_is_being_written_is_left_as_it_was(table, torn):
    """Whatever has arrived of the head of the next state: the reader keeps the state before."""
    slot = Slot(table.path, 1)
    slot.write({"update": 1})
    table.read()
    with Path(table.path).open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 0)
    head = struct.pack("<QII", 2, 12, 0x1234567)
    memory[SLOT_BYTES : SLOT_BYTES + 16] = head[:torn] + bytes(16 - torn)
    assert table.read()[1] == {"update": 1}
    slot.write({"update": 2})
    assert table.read()[1] == {"update": 2}


def test_nothing_read_before_the_first_head_is_complete(table):
    with Path(table.path).open("r+b") as file:
        file.write(struct.pack("<Q", 1))
    assert table.read()[0] == {}


def test_what_does_not_fit_loses_its_history_only(table):
    slot = Slot(table.path, 0)
    slot.write({"update": 1, "issued": {str(key): [1, []] for key in range(20_000)}})
    assert table.read()[0] == {"update": 1, "issued": {}}
