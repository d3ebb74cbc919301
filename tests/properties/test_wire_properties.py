from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from parity.trace.channels import CHANNELS, Kind
from parity.trace.frames import frames
from parity.trace.store import read_process
from parity.trace.wire import Writer, float_bits
from tests.properties.strategies import BITS, float_of, observations
from tests.unit.trace.trace_files import HEADER, bits_in, bits_of


def bits(channel, value):
    kind = CHANNELS[channel].kind
    return float_bits(value) if kind is Kind.FLOAT else value


def write(path, observed, flushes=()):
    """Write ``observed`` with a flush after each of the numbered observations."""
    path.unlink(missing_ok=True)
    writer = Writer(path, HEADER)
    for number, (update, channel, name, value) in enumerate(observed):
        writer.observe(update, channel, name, bits_of(writer, channel, value))
        if number in flushes:
            writer.flush()
    writer.seal({})
    return read_process(path)


@given(observations(), st.sets(st.integers(0, 25)))
def test_what_is_observed_is_read_back_in_order_and_bit_for_bit(tmp_path_factory, observed, flushes):
    process = write(tmp_path_factory.getbasetemp() / "round-trip.trace", observed, flushes)
    expected = defaultdict(lambda: ([], []))
    for update, channel, name, value in observed:
        updates, values = expected[channel, name]
        updates.append(update)
        values.append(bits(channel, value))
    assert list(process.series) == list(expected)
    for key, (updates, values) in expected.items():
        assert process.series[key].updates.tolist() == updates
        assert bits_in(process.series[key]) == values
    assert (process.lost_bytes, process.sealed) == (0, {})


@given(observations(), st.sets(st.integers(0, 25)))
def test_flushing_loses_and_reorders_nothing(tmp_path_factory, observed, flushes):
    path = tmp_path_factory.getbasetemp() / "flushes.trace"
    once, often = write(path, observed), write(path, observed, flushes)
    assert list(once.series) == list(often.series)
    for key in once.series:
        assert bits_in(once.series[key]) == bits_in(often.series[key])
        assert once.series[key].updates.tolist() == often.series[key].updates.tolist()


@given(BITS)
def test_float_bits_undo_the_reading_of_bits(pattern):
    assert float_bits(float_of(pattern)) == pattern


@given(observations(), st.binary(max_size=40))
def test_whatever_follows_is_no_frame_unless_it_is_one(tmp_path_factory, observed, garbage):
    path = tmp_path_factory.getbasetemp() / "garbage.trace"
    write(path, observed)
    data = path.read_bytes()
    assert list(frames(data + garbage))[: len(list(frames(data)))] == list(frames(data))
    assert list(frames(data + b"\0" + data)) == list(frames(data))
