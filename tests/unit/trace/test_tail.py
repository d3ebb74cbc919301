from parity.trace.tail import Tail
from parity.trace.wire import Writer, float_bits
from tests.unit.trace.trace_files import HEADER, write_observations


def test_nothing_yet(tmp_path):
    tail = Tail(tmp_path)
    assert tail.refresh() == -1
    write_observations(tmp_path / "rank0.trace", [])
    assert tail.refresh() == -1


def test_the_latest_update_of_all_processes(tmp_path):
    tail = Tail(tmp_path)
    writers = [Writer(tmp_path / f"rank{rank}.trace", HEADER) for rank in range(2)]
    for writer, update in zip(writers, (3, 7), strict=True):
        writer.observe(update, "loss", "", float_bits(1.0))
        writer.flush()
    assert tail.refresh() == 7
    writers[0].observe(9, "loss", "", float_bits(1.0))
    assert tail.refresh() == 7
    writers[0].flush()
    assert tail.refresh() == tail.update == 9
    for writer in writers:
        writer.seal({})


def test_a_frame_written_in_pieces_is_seen_once_it_is_whole(tmp_path):
    write_observations(tmp_path / "source", [(4, "loss", "", 1.0)], seal=False)
    data = (tmp_path / "source").read_bytes()
    path = tmp_path / "rank0.trace"
    tail = Tail(tmp_path)
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        assert tail.refresh() == (4 if size == len(data) else -1), size
