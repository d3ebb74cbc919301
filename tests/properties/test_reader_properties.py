"""Files are made by strangers' disks: whatever they hold, reading them fails in an explained way at most."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import ParityError
from parity.trace.manifest import MANIFEST
from parity.trace.store import read_trace
from tests.properties.strategies import observations
from tests.unit.trace.trace_files import frame, read_bytes_as_run, write_observations

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["loss", "config", "", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["schema", "rank", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def dumped(content):
    import json

    return json.dumps(content).encode()


PAYLOADS = st.binary(max_size=40) | JSON.map(dumped)
DECLARATIONS = st.tuples(st.integers(0, 3), st.sampled_from(["loss", "config", "batch", "?"]), st.sampled_from("ab"))
FRAMES = (
    st.builds(frame, st.sampled_from([b"H", b"D", b"T", b"V", b"N", b"E", b"Z"]), PAYLOADS)
    | DECLARATIONS.map(lambda one: frame(b"D", dumped(one)))
    | st.binary(max_size=4).map(lambda tail: frame(b"T", bytes(4) + tail))
    | st.tuples(st.integers(0, 2), st.binary(max_size=30)).map(
        lambda one: frame(b"V", bytes(8) + one[0].to_bytes(4, "little") + one[1])
    )
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("written") / "rank0.trace"


@given(st.binary(max_size=200))
def test_arbitrary_bytes(place, data):
    with suppress(ParityError):
        read_bytes_as_run(place, data)


@given(st.lists(FRAMES, max_size=6))
def test_arbitrary_frames_with_right_checksums(place, sent):
    with suppress(ParityError):
        read_bytes_as_run(place, frame(b"H", b'{"schema":1,"rank":0}') + b"".join(sent))


@given(observations(), st.data())
def test_truncated_and_changed_files(place, path, observed, data):
    path.unlink(missing_ok=True)
    write_observations(path, observed)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ParityError):
        read_bytes_as_run(place, bytes(content[: data.draw(st.integers(0, len(content)))]))


@given(st.binary(max_size=60) | JSON.map(dumped))
def test_arbitrary_manifests(place, data):
    (place / MANIFEST).write_bytes(data)
    with suppress(ParityError):
        trace = read_trace(place)
        assert trace.manifest["schema"] == 1
