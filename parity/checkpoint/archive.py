"""The table of contents of a zip archive, read strictly: every member is where it claims to be, and no two overlap.

The standard library reads an archive's table into memory whatever its size, and trusts it.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from parity.checkpoint.limits import DIRECTORY_BYTES, HELD, MEMBERS
from parity.checkpoint.sources import Deflated, Held, Source
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError, CheckpointUnsupportedError

SIGNATURE: Final = b"PK\x03\x04"
_CENTRAL: Final = b"PK\x01\x02"
_END: Final = b"PK\x05\x06"
_END64: Final = b"PK\x06\x06"
_LOCATOR64: Final = b"PK\x06\x07"
_TAIL: Final = 22 + (1 << 16)
_FULL: Final = 0xFFFFFFFF
_STORED: Final = 0
_DEFLATED: Final = 8
_ENCRYPTED: Final = 1


@dataclass(frozen=True)
class Member:
    """One member: where its bytes are, how many once inflated, and by which method they are packed."""

    name: str
    start: int
    packed: int
    nbytes: int
    method: int
    flags: int


@dataclass(frozen=True)
class Archive:
    """The members of an archive by name."""

    data: memoryview
    members: Mapping[str, Member]

    def source(self, name: str) -> Source:
        """The bytes of a member.

        Raises CheckpointMalformedError where there is none, CheckpointUnsupportedError where it is encrypted or packed
        in an unusual way.
        """
        member = self.members.get(name)
        if member is None:
            message = f"the archive has no member {name!r:.200}"
            raise CheckpointMalformedError(message)
        if member.flags & _ENCRYPTED or member.method not in (_STORED, _DEFLATED):
            message = f"member {name!r:.200} is encrypted or packed by method {member.method}"
            raise CheckpointUnsupportedError(message)
        packed = self.data[member.start : member.start + member.packed]
        return Deflated(packed, member.nbytes) if member.method == _DEFLATED else Held(packed)

    def held(self, name: str) -> bytes:
        """The bytes of a small member; raises CheckpointTooLargeError where it is none."""
        source = self.source(name)
        if source.nbytes > HELD:
            message = f"member {name!r:.200} has {source.nbytes:,} bytes, more than {HELD:,} are not held in memory"
            raise CheckpointTooLargeError(message)
        return b"".join(bytes(chunk) for chunk in source.chunks(0, source.nbytes, 1 << 20))


def read_archive(data: memoryview) -> Archive:
    """The table of contents; raises CheckpointMalformedError where it contradicts the file."""
    start, size, count = _table(data)
    if size > DIRECTORY_BYTES or count > MEMBERS:
        message = f"the archive has a table of {size:,} bytes for {count:,} members"
        raise CheckpointTooLargeError(message)
    try:
        listed = list(_members(data, bytes(data[start : start + size]), count))
    except (struct.error, IndexError) as error:
        message = f"the archive's table is damaged: {error}"
        raise CheckpointMalformedError(message) from None
    members = {member.name: member for member in listed}
    if len(members) != len(listed):
        message = "the archive has two members of one name"
        raise CheckpointMalformedError(message)
    _check_overlap(listed, start)
    return Archive(data, members)


def _table(data: memoryview) -> tuple[int, int, int]:
    """Start, size and number of entries of the table."""
    tail_start = max(0, len(data) - _TAIL)
    at = bytes(data[tail_start:]).rfind(_END)
    if at < 0 or tail_start + at + 22 > len(data):
        message = "the archive ends without a table of contents; it is truncated, or no archive"
        raise CheckpointMalformedError(message)
    at += tail_start
    count, size, start = struct.unpack_from("<HII", data, at + 10)
    if at >= 20 and bytes(data[at - 20 : at - 16]) == _LOCATOR64:
        (at,) = struct.unpack_from("<Q", data, at - 12)
        if at + 56 > len(data) or bytes(data[at : at + 4]) != _END64:
            message = "the archive's long table of contents is not where it should be"
            raise CheckpointMalformedError(message)
        count, size, start = struct.unpack_from("<QQQ", data, at + 32)
    if start + size > at:
        message = f"the archive's table of {size:,} bytes at {start:,} does not fit into the file"
        raise CheckpointMalformedError(message)
    return start, size, count


def _members(data: memoryview, table: bytes, count: int) -> Iterator[Member]:
    at = 0
    for _ in range(count):
        if table[at : at + 4] != _CENTRAL:
            message = "the archive's table has fewer entries than announced"
            raise CheckpointMalformedError(message)
        flags, method = struct.unpack_from("<HH", table, at + 8)
        packed, nbytes, name_size, extra_size, comment_size = struct.unpack_from("<IIHHH", table, at + 20)
        (local,) = struct.unpack_from("<I", table, at + 42)
        name = table[at + 46 : at + 46 + name_size]
        extra = table[at + 46 + name_size : at + 46 + name_size + extra_size]
        nbytes, packed, local = _long_sizes(extra, nbytes, packed, local)
        at += 46 + name_size + extra_size + comment_size
        yield _located(data, Member(name.decode("utf-8", "replace"), local, packed, nbytes, method, flags))


def _long_sizes(extra: bytes, *short: int) -> tuple[int, int, int]:
    """Sizes and offset, from the extra field where they do not fit into the table."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            long = iter(struct.unpack_from(f"<{size // 8}Q", extra, at + 4))
            nbytes, packed, local = (next(long, _FULL) if one == _FULL else one for one in short)
            return nbytes, packed, local
        at += 4 + size
    return short[0], short[1], short[2]


def _located(data: memoryview, member: Member) -> Member:
    """``member`` with the start of its bytes, which only its own header tells."""
    at = member.start
    if at + 30 > len(data) or bytes(data[at : at + 4]) != SIGNATURE:
        message = f"member {member.name!r:.200} is not where the archive's table says"
        raise CheckpointMalformedError(message)
    name_size, extra_size = struct.unpack_from("<HH", data, at + 26)
    start = at + 30 + name_size + extra_size
    if start + member.packed > len(data):
        message = f"member {member.name!r:.200} of {member.packed:,} bytes does not fit into the file"
        raise CheckpointMalformedError(message)
    if member.method == _STORED and member.packed != member.nbytes:
        message = f"member {member.name!r:.200} is stored in {member.packed:,} bytes but claims {member.nbytes:,}"
        raise CheckpointMalformedError(message)
    if member.nbytes > 1100 * (member.packed + 64):
        message = f"member {member.name!r:.200} claims to inflate {member.packed:,} bytes to {member.nbytes:,}"
        raise CheckpointMalformedError(message)
    return Member(member.name, start, member.packed, member.nbytes, member.method, member.flags)


def _check_overlap(members: list[Member], end: int) -> None:
    spans = sorted((member.start, member.start + member.packed, member.name) for member in members)
    for (_, stop, name), (start, _, other) in pairwise(spans):
        if start < stop:
            message = f"members {name!r:.100} and {other!r:.100} of the archive overlap"
            raise CheckpointMalformedError(message)
    if spans and spans[-1][1] > end:
        message = f"member {spans[-1][2]!r:.200} reaches into the archive's table"
        raise CheckpointMalformedError(message)
