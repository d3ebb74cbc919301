import numpy as np
import pytest

from parity.trace.channels import CHANNELS, Kind
from parity.trace.model import plain
from tests.unit.compare.trace_builder import process, series, trace

LOSSES = series("loss", [1.0, 2.0, 3.0, 4.0], updates=[-1, 2, 2, 5])


@pytest.mark.parametrize(
    ("update", "values"), [(-2, []), (-1, [1.0]), (0, []), (2, [2.0, 3.0]), (3, []), (5, [4.0]), (6, [])]
)
def test_values_of_an_update(update, values):
    assert LOSSES.at(update).tolist() == values


def test_ordinals_count_within_an_update():
    assert LOSSES.ordinals().tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Kind.FLOAT, np.float64(0.1), 0.1),
        (Kind.INTEGER, np.int64(-3), -3),
        (Kind.DIGEST, np.uint64(255), "00000000000000ff"),
        (Kind.DIGEST, np.uint64(2**64 - 1), "ffffffffffffffff"),
        (Kind.TEXT, "text", "text"),
    ],
)
def test_plain_values(kind, value, shown):
    assert plain(kind, value) == shown
    assert type(plain(kind, value)) is type(shown)


@pytest.mark.parametrize(
    ("recorded", "updates"),
    [
        ([], 0),
        ([series("loss", [1.0, 1.0])], 0),
        ([series("lr", [0.1, 0.1], "all groups")], 2),
        ([series("lr", [0.1], "group 0"), series("lr", [0.1], "group 1", updates=[6])], 7),
        ([series("lr", [], "group 0")], 0),
        ([series("lr", [0.1], updates=[-1])], 0),
    ],
)
def test_updates_are_counted_by_learning_rates(recorded, updates):
    assert process(*recorded).updates == updates


def test_a_process_finds_its_series():
    one = process(series("lr", [0.1], "group 0"), series("loss", [1.0]), series("lr", [0.2], "group 1"))
    assert [each.name for each in one.channel("lr")] == ["group 0", "group 1"]
    assert one.get("loss").key == ("loss", "")
    assert one.get("loss", "other") is None


@pytest.mark.parametrize(("status", "read"), [(0, 0), (-9, -9), (None, None)])
def test_exit_status(status, read):
    assert trace(exit_status=status).exit_status == read


def test_every_channel_is_declared_under_its_own_name():
    assert all(name == channel.name for name, channel in CHANNELS.items())
    assert all(channel.title for channel in CHANNELS.values())
