"""What the records of a pickle stand for: tensors, arrays, dictionaries and plain values.

Only what is listed here is understood; any other record stays what it is, and its arguments and state are compared.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from parity.checkpoint.dtypes import DType, numpy_dtype, storage_dtype, torch_dtype
from parity.checkpoint.limits import DIMENSIONS
from parity.checkpoint.model import Leaf
from parity.checkpoint.nodes import Dictionary, Global, Node, Persistent, Record, Sequence
from parity.checkpoint.sources import Held, Source
from parity.checkpoint.tensors import Tensor, row_major, view
from parity.errors import CheckpointMalformedError, CheckpointUnsupportedError

Meaning: TypeAlias = "Node | Tensor | Leaf"
Storages = Callable[[str, int], Source]
"""Finds a storage by its key; the second argument is the number of bytes it must have, -1 where unknown."""

_NESTED: Final = 8


def no_storages(key: str, nbytes: int) -> Source:
    """The storages of a pickle that has none beside it."""
    message = f"the pickle refers to storage {key!r:.80} of {nbytes:,} bytes, but the file has no storages"
    raise CheckpointMalformedError(message)


def meaning(node: Node, storages: Storages, depth: int = 0) -> Meaning:
    """What ``node`` stands for.

    Raises CheckpointMalformedError or CheckpointUnsupportedError where a record that is understood has arguments that
    are not.
    """
    if isinstance(node, Global):
        return Leaf("name", node.name)
    if isinstance(node, Persistent):
        return _storage(node, storages)
    if not isinstance(node, Record) or depth > _NESTED:
        return node
    if node.name in _TENSORS:
        return _TENSORS[node.name](node, storages)
    if node.name in _WRAPPERS:
        return meaning(node.argument(0), storages, depth + 1)
    if node.name == "torch._tensor._rebuild_from_type_v2":
        return meaning(Record(node.argument(0), node.argument(2)), storages, depth + 1)
    plain = _PLAIN.get(node.name)
    return plain(node) if plain is not None else node


def integers(node: Node) -> tuple[int, ...]:
    """The sizes, strides or offsets that ``node`` lists; raises CheckpointMalformedError where it lists none."""
    if isinstance(node, Record) and node.name == "torch.Size":
        node = node.argument(0)
    items = node.items if isinstance(node, Sequence) else None
    if items is None or len(items) > DIMENSIONS or any(type(item) is not int for item in items):
        message = "a tensor's shape or stride is no list of integers"
        raise CheckpointMalformedError(message)
    return tuple(item for item in items if isinstance(item, int))


def _integer(node: Node) -> int:
    if type(node) is not int or node.bit_length() > 62:
        message = f"an integer was expected, not {type(node).__name__}"
        raise CheckpointMalformedError(message)
    return node


def text(node: Node) -> str:
    """``node`` as a text; raises CheckpointMalformedError where it is none."""
    if not isinstance(node, str):
        message = f"a text was expected, not {type(node).__name__}"
        raise CheckpointMalformedError(message)
    return node


def storage_reference(node: Node) -> tuple[str, DType, int]:
    """Key, element type and number of elements of a reference to a torch storage."""
    items = node.id.items if isinstance(node, Persistent) and isinstance(node.id, Sequence) else []
    if len(items) < 5 or items[0] != "storage" or not isinstance(items[1], Global):
        message = "a tensor refers to something that is no storage"
        raise CheckpointMalformedError(message)
    dtype = storage_dtype(items[1].name.rpartition(".")[2])
    count = _integer(items[4])
    if count < 0:
        message = f"a storage has {count:,} elements"
        raise CheckpointMalformedError(message)
    return text(items[2]), dtype, count


def _storage(node: Persistent, storages: Storages) -> Tensor:
    """A storage that is referred to without a tensor around it."""
    return _strided(node, 0, None, None, None, storages)


def _strided(
    reference: Node, offset: int, shape: Node, stride: Node, dtype: DType | None, storages: Storages
) -> Tensor:
    key, stored, count = storage_reference(reference)
    dtype = dtype or stored
    whole = storages(key, count * stored.itemsize)
    sizes = integers(shape) if shape is not None else (count,)
    steps = integers(stride) if stride is not None else (1,)
    return view(dtype, sizes, steps, whole, offset=offset * dtype.itemsize, storage=key)


def _tensor(record: Record, storages: Storages) -> Tensor:
    dtype = record.argument(6) if record.name.endswith("_v3") else None
    chosen = torch_dtype(dtype.name.rpartition(".")[2]) if isinstance(dtype, Global) else None
    shape, stride = record.argument(2), record.argument(3)
    if shape is None or stride is None:
        message = "a tensor has no shape or no stride"
        raise CheckpointMalformedError(message)
    return _strided(record.argument(0), _integer(record.argument(1)), shape, stride, chosen, storages)


def _quantized(record: Record, storages: Storages) -> Dictionary:
    values = _tensor(record, storages)
    return Dictionary("quantized tensor", [("values", values), ("quantizer", record.argument(4))])  # type: ignore[list-item]


def _sparse(record: Record, _: Storages) -> Dictionary:
    """A sparse tensor, as the indices and values that it is made of."""
    layout, parts = record.argument(0), record.argument(1)
    name = text(layout.argument(0)) if isinstance(layout, Record) else ""
    items = parts.items if isinstance(parts, Sequence) else []
    names = _SPARSE.get(name)
    if names is None or not 0 <= len(names) - len(items) <= 1:
        message = f"a sparse tensor of layout {name!r:.80} has {len(items)} parts"
        raise CheckpointMalformedError(message)
    return Dictionary(f"{name} tensor", list(zip(names, items, strict=False)))


def _array(record: Record, _: Storages) -> Tensor | Sequence:
    """An array of numpy, whose bytes are inside the pickle."""
    state = record.state[-1] if record.state else None
    items = state.items if isinstance(state, Sequence) else []
    if len(items) != 5:
        message = "an array of numpy has no state"
        raise CheckpointMalformedError(message)
    shape, dtype, fortran, data = items[1:]
    if isinstance(data, Sequence):
        return Sequence("numpy array of objects", data.items)
    return _held(dtype, integers(shape), _octets(data), fortran=fortran is True)


def _array_from_buffer(record: Record, _: Storages) -> Tensor:
    order = record.argument(3)
    return _held(record.argument(1), integers(record.argument(2)), _octets(record.argument(0)), fortran=order == "F")


def _held(dtype: Node, shape: tuple[int, ...], data: bytes, *, fortran: bool) -> Tensor:
    found = numpy_dtype(_described(dtype))
    stride = row_major(shape[::-1])[::-1] if fortran else row_major(shape)
    return view(found, shape, stride, Held(memoryview(data)), storage=f"inside {id(data)}", kind="numpy array")


def _scalar(record: Record, _: Storages) -> Leaf:
    """A scalar of numpy, as the plain value it has."""
    dtype = numpy_dtype(_described(record.argument(0)))
    data = _octets(record.argument(1))
    if len(data) != dtype.itemsize:
        message = f"a scalar of type {dtype.name} has {len(data)} bytes"
        raise CheckpointMalformedError(message)
    value = np.frombuffer(data, dtype.storage)[0].item()
    kept = value if isinstance(value, bool | int | float | str | bytes) else repr(value)
    return Leaf(f"numpy.{dtype.name}", bool(kept) if dtype.name == "bool" else kept)


def _described(node: Node) -> str:
    """The description of a pickled numpy type; its byte order is part of the state."""
    if not isinstance(node, Record) or node.name != "numpy.dtype":
        message = "an array has no type"
        raise CheckpointMalformedError(message)
    state = node.state[-1] if node.state else None
    order = state.items[1] if isinstance(state, Sequence) and len(state.items) > 1 else "|"
    if isinstance(state, Sequence) and len(state.items) > 4 and state.items[3] is not None:
        message = "an array has named fields"
        raise CheckpointUnsupportedError(message)
    return (order if order in ("<", ">") else "") + text(node.argument(0))[:100]


def _octets(node: Node) -> bytes:
    """Bytes, also where an old protocol wrote them as a text."""
    if isinstance(node, bytes):
        return node
    if isinstance(node, Record) and node.name == "_codecs.encode":
        node = node.argument(0)
    try:
        return text(node).encode("latin-1")
    except UnicodeEncodeError:
        message = "bytes are written as a text that is none"
        raise CheckpointMalformedError(message) from None


def _named(kind: str) -> Callable[[Record], Meaning]:
    return lambda record: Leaf(kind, text(record.argument(0)))


def _path(record: Record) -> Leaf:
    items = record.arguments.items if isinstance(record.arguments, Sequence) else []
    return Leaf("path", "/".join(item for item in items if isinstance(item, str)))


def _pairs(record: Record) -> Dictionary:
    """A kind of dictionary, filled by its argument or piece by piece."""
    first = record.argument(0)
    given: list[tuple[Node, Node]] = []
    if isinstance(first, Dictionary):
        given = first.pairs
    elif isinstance(first, Sequence):
        given = [
            (one.items[0], one.items[1]) for one in first.items if isinstance(one, Sequence) and len(one.items) == 2
        ]
    return Dictionary(record.name, [*given, *record.pairs, *_attributes(record)])


def _attributes(record: Record) -> list[tuple[Node, Node]]:
    """What was set on a dictionary beside its keys. That a module has version 1 says nothing, so it is left out."""
    state = record.state[-1] if record.state else None
    found: list[tuple[Node, Node]] = []
    for key, value in state.pairs if isinstance(state, Dictionary) else []:
        if key == "_metadata" and isinstance(value, Record | Dictionary):
            kept = [pair for pair in value.pairs if not _says_nothing(pair[1])]
            if kept:
                found.append(("(metadata)", Dictionary("dict", kept)))
        else:
            found.append((f"(attribute) {key}" if isinstance(key, str) else key, value))
    return found


def _says_nothing(node: Node) -> bool:
    return isinstance(node, Dictionary) and node.pairs == [("version", 1)]


def _collection(record: Record) -> Sequence:
    first = record.argument(0)
    items = first.items if isinstance(first, Sequence) else []
    kind = record.name.removeprefix("builtins.")
    return Sequence(kind, [*items, *record.items])


def _codec(record: Record) -> bytes:
    return _octets(record)


# Older files do not say whether a tensor is coalesced.
_COMPRESSED: Final = ("compressed_indices", "plain_indices", "values", "size")
_SPARSE: Final = {
    "torch.sparse_coo": ("indices", "values", "size", "is_coalesced"),
    **dict.fromkeys(("torch.sparse_csr", "torch.sparse_csc", "torch.sparse_bsr", "torch.sparse_bsc"), _COMPRESSED),
}
_TENSORS: Final[dict[str, Callable[[Record, Storages], Meaning]]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_qtensor": _quantized,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "numpy._core.multiarray._reconstruct": _array,
    "numpy._core.numeric._frombuffer": _array_from_buffer,
    "numpy._core.multiarray.scalar": _scalar,
}
_WRAPPERS: Final = frozenset({"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"})
_PLAIN: Final[dict[str, Callable[[Record], Meaning]]] = {
    "collections.OrderedDict": _pairs,
    "collections.Counter": _pairs,
    "collections.defaultdict": _pairs,
    "collections.deque": _collection,
    "builtins.set": _collection,
    "builtins.frozenset": _collection,
    "torch.Size": _collection,
    "torch.device": _named("torch.device"),
    "torch.serialization._get_layout": _named("torch.layout"),
    "torch.torch_version.TorchVersion": _named("torch version"),
    "pathlib.PosixPath": _path,
    "pathlib.WindowsPath": _path,
    "pathlib.PurePosixPath": _path,
    "pathlib._local.PosixPath": _path,
    "_codecs.encode": _codec,
}
