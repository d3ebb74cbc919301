"""What ``torch.save`` wrote before 1.6: pickles in a row followed by the storages, or, before 0.4, a tar of both."""

import struct
from collections.abc import Iterator
from typing import Final

from parity.checkpoint.dtypes import storage_dtype
from parity.checkpoint.limits import DIMENSIONS, HELD
from parity.checkpoint.nodes import Dictionary, Global, Node, Persistent, Record, Sequence
from parity.checkpoint.rebuild import Storages, no_storages, storage_reference, text
from parity.checkpoint.sources import Held, MappedFile, Source
from parity.checkpoint.stub_unpickler import Program, StubUnpickler
from parity.errors import CheckpointMalformedError, CheckpointTooLargeError, CheckpointUnsupportedError, ParityError

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001
_BLOCK: Final = 512
_MEMBERS: Final = frozenset({"sys_info", "pickle", "storages", "tensors"})
_MOST: Final = 100_000


def is_tar(data: memoryview) -> bool:
    """Whether the file is a tar archive of the kind that torch wrote."""
    name = bytes(data[:100]).rstrip(b"\0").removeprefix(b"./").decode("ascii", "replace")
    return len(data) >= _BLOCK and name in _MEMBERS


def read_pickles(file: MappedFile) -> tuple[Node, Storages, str]:
    """The tree, its storages, and which kind of pickle it is: torch's, or a plain one without storages."""
    program = file.program
    machine = StubUnpickler(program)
    first = machine.load()
    if first != _MAGIC:
        return first, no_storages, "pickle"
    position = machine.position
    loaded: list[Node] = []
    for _ in range(4):
        machine = StubUnpickler(program, position)
        loaded.append(machine.load())
        position = machine.position
    protocol, system, root, keys = loaded
    _check_system(protocol, system)
    return root, _storages(file.view, position, root, keys), "torch pickle"


def _check_system(protocol: Node, system: Node) -> None:
    if protocol != _PROTOCOL:
        message = f"the file has protocol {protocol!r:.80}, {_PROTOCOL} was expected"
        raise CheckpointUnsupportedError(message)
    pairs = system.pairs if isinstance(system, Dictionary) else []
    if ("little_endian", False) in pairs:
        message = "the storages are written in big-endian byte order"
        raise CheckpointUnsupportedError(message)


def _storages(data: memoryview, position: int, root: Node, keys: Node) -> Storages:
    """Find the storages behind the pickles; each begins with its number of elements."""
    sizes = {key: (itemsize, count) for key, itemsize, count in _references(root)}
    found: dict[str, Source] = {}
    broken: ParityError | None = None
    for key in keys.items if isinstance(keys, Sequence) else []:
        try:
            start, stop = _stretch(data, position, *sizes.get(text(key), (1, -1)))
        except CheckpointMalformedError as error:
            broken = error
            break
        found[text(key)] = Held(data[start:stop])
        position = stop

    def storage(key: str, nbytes: int) -> Source:
        source = found.get(key)
        if source is None or source.nbytes < nbytes:
            message = f"storage {key!r:.80} of {nbytes:,} bytes is not in the file" + (f": {broken}" if broken else "")
            raise CheckpointMalformedError(message)
        return source

    return storage


def _stretch(data: memoryview, position: int, itemsize: int, count: int) -> tuple[int, int]:
    if position + 8 > len(data):
        message = f"the file ends at {len(data):,}, before the storage announced at {position:,}"
        raise CheckpointMalformedError(message)
    (stored,) = struct.unpack_from("<q", data, position)
    stop = position + 8 + stored * itemsize
    if stored < 0 or stop > len(data) or count not in (-1, stored):
        message = f"a storage of {stored:,} elements at {position:,} does not fit"
        raise CheckpointMalformedError(message)
    return position + 8, stop


def _references(root: Node) -> Iterator[tuple[str, int, int]]:
    """Key, element size and length of every storage that the tree refers to."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if not isinstance(node, Dictionary | Sequence | Record | Persistent) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Persistent):
            try:
                key, dtype, count = storage_reference(node)
            except ParityError:
                continue
            yield key, dtype.itemsize, count
        elif isinstance(node, Dictionary):
            stack.extend(part for pair in node.pairs for part in pair)
        elif isinstance(node, Sequence):
            stack.extend(node.items)
        else:
            stack.extend([node.callee, node.arguments, *node.state, *node.items])
            stack.extend(part for pair in node.pairs for part in pair)


def read_tar(file: MappedFile) -> tuple[Node, Storages]:
    """The tree of the oldest format, in which the pickle refers to tensors by number."""
    members = dict(_tar_members(file.view))
    missing = sorted({"pickle", "storages", "tensors"} - members.keys())
    if missing:
        message = f"the tar archive has no member {', '.join(missing)}"
        raise CheckpointMalformedError(message)
    pickle = members["pickle"]
    if pickle[1] - pickle[0] > HELD:
        message = f"the pickle of the tar archive has more than {HELD:,} bytes"
        raise CheckpointTooLargeError(message)
    storages = dict(_tar_storages(file, *members["storages"]))
    tensors = dict(_tar_tensors(file, *members["tensors"]))
    root = StubUnpickler(file.program, *pickle).load()

    def storage(key: str, nbytes: int) -> Source:
        if key not in storages or storages[key].nbytes < nbytes:
            message = f"storage {key!r:.80} of {nbytes:,} bytes is not in the file"
            raise CheckpointMalformedError(message)
        return storages[key]

    _insert(root, tensors)
    return root, storage


def _tar_members(data: memoryview) -> Iterator[tuple[str, tuple[int, int]]]:
    at = 0
    while at + _BLOCK <= len(data):
        header = bytes(data[at : at + _BLOCK])
        if not header.strip(b"\0"):
            return
        try:
            size = int(header[124:136].strip(b"\0 ") or b"0", 8)
        except ValueError:
            message = f"the tar archive has a damaged header at {at:,}"
            raise CheckpointMalformedError(message) from None
        start = at + _BLOCK
        if size < 0 or start + size > len(data):
            message = f"a member of {size:,} bytes does not fit into the tar archive"
            raise CheckpointMalformedError(message)
        yield header[:100].rstrip(b"\0").decode("ascii", "replace").removeprefix("./"), (start, start + size)
        at = start + -(-size // _BLOCK) * _BLOCK


def _counted(program: Program, start: int, stop: int) -> tuple[int, int]:
    """The number of records that a member begins with, and where they start."""
    machine = StubUnpickler(program, start, stop)
    number = machine.load()
    if type(number) is not int or not 0 <= number <= _MOST:
        message = f"a member of the tar archive announces {number!r:.80} records"
        raise CheckpointMalformedError(message)
    return number, machine.position


def _parts(program: Program, at: int, stop: int) -> tuple[list[Node], int]:
    machine = StubUnpickler(program, at, stop)
    node = machine.load()
    if not isinstance(node, Sequence) or len(node.items) != 3:
        message = "a record of the tar archive has not three parts"
        raise CheckpointMalformedError(message)
    return node.items, machine.position


def _tar_storages(file: MappedFile, start: int, stop: int) -> Iterator[tuple[str, Source]]:
    """Every storage by its key, and the views of parts of them that follow."""
    number, at = _counted(file.program, start, stop)
    roots: dict[str, tuple[Held, int]] = {}
    for _ in range(number):
        (key, _, kind), at = _parts(file.program, at, stop)
        name = kind.name.rpartition(".")[2] if isinstance(kind, Global) else ""
        itemsize = storage_dtype(name).itemsize
        first, at = _stretch(file.view[:stop], at, itemsize, -1)
        roots[str(key)[:80]] = Held(file.view[first:at]), itemsize
        yield str(key)[:80], roots[str(key)[:80]][0]
    views = StubUnpickler(file.program, at, stop).load()
    for one in views.items if isinstance(views, Sequence) else []:
        parts = one.items if isinstance(one, Sequence) else []
        if len(parts) != 4 or str(parts[1])[:80] not in roots:
            message = "a view of a storage in the tar archive refers to none"
            raise CheckpointMalformedError(message)
        root, itemsize = roots[str(parts[1])[:80]]
        begin, end = _span_of_view(parts[2], parts[3], itemsize)
        yield str(parts[0])[:80], Held(root.view[begin:end])


def _span_of_view(offset: Node, count: Node, itemsize: int) -> tuple[int, int]:
    """Where a view of ``count`` elements begins and ends, in bytes."""
    if type(offset) is not int or type(count) is not int or offset < 0 or count < 0:
        message = "a view of a storage has no place"
        raise CheckpointMalformedError(message)
    return offset * itemsize, (offset + count) * itemsize


def _tar_tensors(file: MappedFile, start: int, stop: int) -> Iterator[tuple[str, Record]]:
    number, at = _counted(file.program, start, stop)
    view = file.view[:stop]
    for _ in range(number):
        (key, storage, kind), at = _parts(file.program, at, stop)
        try:
            (dimensions,) = struct.unpack_from("<i", view, at)
            if not 0 <= dimensions <= DIMENSIONS:
                raise struct.error
            numbers = struct.unpack_from(f"<{2 * dimensions + 1}q", view, at + 8)
        except struct.error:
            message = "a tensor of the tar archive has a damaged header"
            raise CheckpointMalformedError(message) from None
        at += 8 + 8 * (2 * dimensions + 1)
        name = kind.name if isinstance(kind, Global) else ""
        yield str(key)[:80], _as_record(str(storage)[:80], name.replace("Tensor", "Storage"), dimensions, numbers)


def _as_record(storage: str, kind: str, dimensions: int, numbers: tuple[int, ...]) -> Record:
    """The record by which a newer pickle would describe the tensor."""
    module, _, name = kind.rpartition(".")
    count = _span(dimensions, numbers)
    reference = Persistent(Sequence("tuple", ["storage", Global(module, name), storage, "cpu", count]))
    shape = Sequence("tuple", list(numbers[:dimensions]))
    stride = Sequence("tuple", list(numbers[dimensions:-1]))
    return Record(Global("torch._utils", "_rebuild_tensor"), Sequence("tuple", [reference, numbers[-1], shape, stride]))


def _span(dimensions: int, numbers: tuple[int, ...]) -> int:
    sizes, steps = numbers[:dimensions], numbers[dimensions:-1]
    if min((*sizes, 1)) < 1:
        return 0
    return numbers[-1] + 1 + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))


def _insert(root: Node, tensors: dict[str, Record]) -> None:
    """Put the tensors in the place of the numbers that refer to them."""
    seen: set[int] = set()
    stack = [root]

    def resolved(node: Node) -> Node:
        if isinstance(node, Persistent) and not isinstance(node.id, Sequence):
            return tensors.get(str(node.id)[:80], node)
        stack.append(node)
        return node

    while stack:
        node = stack.pop()
        if not isinstance(node, Dictionary | Sequence | Record) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Sequence | Record):
            node.items = [resolved(item) for item in node.items]
        if isinstance(node, Dictionary | Record):
            node.pairs = [(key, resolved(value)) for key, value in node.pairs]
        if isinstance(node, Record):
            node.arguments = resolved(node.arguments)
            node.state = [resolved(state) for state in node.state]
