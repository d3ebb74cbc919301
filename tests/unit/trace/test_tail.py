import pytest

from parity.trace.channels import Phase
from parity.trace.tail import Position, Tail
from parity.trace.wire import Writer, float_bits
from tests.unit.trace.trace_files import HEADER, write_observations


def test_nothing_yet(tmp_path):
    tail = Tail(tmp_path)
    assert tail.refresh() == Position()
    write_observations(tmp_path / "rank0.trace", [])
    assert tail.refresh() == Position(update=-1, phase=Phase.SETUP, loss=None)


def test_the_latest_update_of_all_processes(tmp_path):
    tail = Tail(tmp_path)
    writers = [Writer(tmp_path / f"rank{rank}.trace", HEADER) for rank in range(2)]
    for writer, update in zip(writers, (3, 7), strict=True):
        writer.observe(update, "loss", "", float_bits(update / 2))
        writer.flush()
    assert tail.refresh() == Position(update=7, phase=Phase.LOSS, loss=3.5)
    writers[0].observe(9, "loss", "", float_bits(1.0))
    assert tail.refresh().update == 7
    writers[0].flush()
    assert tail.refresh() == Position(update=9, phase=Phase.LOSS, loss=1.0)
    for writer in writers:
        writer.seal({})


def test_phase_is_that_of_the_last_value_and_loss_the_last_there_was(tmp_path):
    writer = Writer(tmp_path / "rank0.trace", HEADER)
    for value in (4.0, 3.0):
        writer.observe(0, "loss", "", float_bits(value))
    writer.observe(0, "clip_norm", "", float_bits(9.0))
    writer.flush()
    tail = Tail(tmp_path)
    assert tail.refresh() == Position(update=0, phase=Phase.CLIP, loss=3.0)
    writer.observe(1, "micro_steps", "", 2)
    writer.flush()
    assert tail.refresh() == Position(update=1, phase=Phase.DATA, loss=3.0)
    writer.seal({})


def test_a_frame_written_in_pieces_is_seen_once_it_is_whole(tmp_path):
    write_observations(tmp_path / "source", [(4, "loss", "", 1.0)], seal=False)
    data = (tmp_path / "source").read_bytes()
    path = tmp_path / "rank0.trace"
    tail = Tail(tmp_path)
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        assert tail.refresh().update == (4 if size == len(data) else -1), size


@pytest.mark.parametrize("junk", [b"", b"PT", b"not a trace at all, but long enough for a header"])
def test_what_is_no_trace_is_no_position(tmp_path, junk):
    (tmp_path / "rank0.trace").write_bytes(junk)
    assert Tail(tmp_path).refresh() == Position()
