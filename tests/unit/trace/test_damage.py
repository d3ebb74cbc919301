"""Traces that end too early, or in which something was changed on the way."""

import struct
from contextlib import suppress

import pytest

from parity.compare.engine import compare
from parity.errors import ParityError, TraceUnreadableError
from parity.trace.frames import frames
from parity.trace.wire import Writer
from tests.unit.compare.trace_builder import run, series
from tests.unit.trace.trace_files import bits_of, content, frame, read_bytes, read_bytes_as_run

OBSERVED = [
    (-1, "config", "lr", "0.1"),
    (0, "loss", "", 2.5),
    (0, "loss", "", 2.25),
    (0, "batch", "0", 2**64 - 1),
    (1, "loss", "", float("nan")),
    (1, "config", "text", "\ud800"),
]
SHORT = {"rank": 0}
FLIPS = (0x01, 0x02, 0x10)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """The bytes after each flush of a small trace, and what was observed until then."""
    path = tmp_path_factory.mktemp("whole") / "rank0.trace"
    writer = Writer(path, SHORT)
    found = [(path.read_bytes(), [])]
    for number, (update, channel, name, value) in enumerate(OBSERVED, start=1):
        writer.observe(update, channel, name, bits_of(writer, channel, value))
        writer.flush()
        found.append((path.read_bytes(), OBSERVED[:number]))
    writer.note({"probe": "clipping"})
    writer.seal({"updates": 2})
    return [*found, (path.read_bytes(), OBSERVED)]


@pytest.fixture
def whole(stages):
    return stages[-1][0]


def expected(observed):
    """Values by series, as they were observed."""
    found = {}
    for update, channel, name, value in observed:
        updates, values = found.setdefault((channel, name), ([], []))
        updates.append(update)
        values.append(value if isinstance(value, str) else bits_of(None, channel, value))
    return found


def test_a_file_torn_at_any_byte_reads_up_to_the_last_intact_flush(stages, whole, tmp_path):
    header = len(stages[0][0])
    for size in range(len(whole) + 1):
        if size < header:
            with pytest.raises(TraceUnreadableError, match="header"):
                read_bytes(tmp_path, whole[:size])
            continue
        read = read_bytes(tmp_path, whole[:size])
        observed = [values for data, values in stages if len(data) <= size][-1]
        assert content(read)["series"] == expected(observed), size
        assert (read.sealed is not None) == (size == len(whole)), size
    assert read.lost_bytes == 0
    assert read.notes == ({"probe": "clipping"},)


def test_lost_bytes_count_what_follows_the_last_intact_frame(stages, tmp_path):
    data = stages[2][0]
    assert read_bytes(tmp_path, data + b"PTV\x10garbage").lost_bytes == 11
    assert read_bytes(tmp_path, data[:-1]).lost_bytes > 1


@pytest.mark.parametrize("flip", FLIPS)
def test_a_flipped_byte_stops_the_reading_there(whole, tmp_path, flip):
    bounds = [0, *(end for _, _, end in frames(whole))]
    intact = [content(read_bytes(tmp_path, whole[:bound])) for bound in bounds[1:]]
    wrong = []
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= flip
        frames_before = sum(bound <= at for bound in bounds[1:])
        try:
            read = read_bytes(tmp_path, bytes(damaged))
        except TraceUnreadableError:
            right = frames_before == 0
        except Exception:
            right = False
        else:
            right = frames_before > 0 and content(read) == intact[frames_before - 1]
            right = right and read.lost_bytes == len(whole) - bounds[frames_before]
        if not right:
            wrong.append((at, chr(whole[at])))
    assert wrong == []


def test_every_torn_file_can_be_compared(stages, whole, tmp_path):
    """A series can be declared in a torn file without any value left of it."""
    other = run(series("micro_steps", [1, 1]))
    for size in range(len(stages[0][0]), len(whole)):
        torn = read_bytes_as_run(tmp_path, whole[:size])
        compare(torn, other)
        compare(other, torn)
        assert compare(torn, torn).measurements == ()


HEAD = frame(b"H", b'{"schema":1}')
LOSS = frame(b"D", b'[0,"loss",""]')
CONFIG = frame(b"D", b'[0,"config",""]')


def values(update, *pairs, count=None):
    head = struct.pack("<qI", update, len(pairs) if count is None else count)
    return frame(b"V", head + b"".join(struct.pack("<I", s) for s, _ in pairs) + b"".join(v for _, v in pairs))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEAD + LOSS + values(0, (0, bytes(8)), count=2), id="more values announced than held"),
        pytest.param(HEAD + LOSS + frame(b"V", b"\0" * 3), id="values without a head"),
        pytest.param(HEAD + LOSS + values(1, (0, bytes(8))) + values(0, (0, bytes(8))), id="updates decrease"),
        pytest.param(HEAD + values(0, (7, bytes(8))), id="series never declared"),
        pytest.param(HEAD + CONFIG + values(0, (0, b"\5" + bytes(7))), id="text never written"),
        pytest.param(HEAD + CONFIG + values(0, (0, b"\xff" * 8)), id="text with a negative number"),
        pytest.param(HEAD + frame(b"T", b"\0\0\0\0\xff\xfe"), id="text that is no UTF-8"),
        pytest.param(HEAD + frame(b"D", b"[0"), id="declaration that is no JSON"),
        pytest.param(HEAD + frame(b"D", b'["loss"]'), id="declaration that is no triple"),
        pytest.param(HEAD + frame(b"D", b"7"), id="declaration that is a number"),
        pytest.param(HEAD + frame(b"D", b'[0,["loss"],{}]') + values(0, (0, bytes(8))), id="declaration of no texts"),
        pytest.param(HEAD + frame(b"N", b"\xff"), id="note that is no text"),
        pytest.param(HEAD + frame(b"N", b"[]"), id="note that is a list"),
        pytest.param(HEAD + frame(b"E", b"{"), id="end that is no JSON"),
        pytest.param(frame(b"H", b"[1]"), id="header that is a list"),
        pytest.param(frame(b"H", b"nonsense"), id="header that is no JSON"),
        pytest.param(frame(b"H", b'{"schema":1,"rank":"first"}'), id="rank that is no number"),
        pytest.param(frame(b"H", b'{"schema":1,"rank":null}'), id="rank that is null"),
        pytest.param(LOSS + values(0, (0, bytes(8))), id="no header at all"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89PNG\r\n", id="another format"),
    ],
)
def test_frames_that_hold_nonsense_are_an_explained_error_at_most(data, tmp_path):
    with suppress(ParityError):
        trace = read_bytes_as_run(tmp_path, data)
        compare(trace, trace)


def test_a_frame_of_unknown_kind_is_passed_over(tmp_path):
    data = HEAD + LOSS + frame(b"Z", b"later") + values(0, (0, bytes(8)))
    assert content(read_bytes(tmp_path, data))["series"] == {("loss", ""): ([0], [0])}
