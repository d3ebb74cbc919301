"""Any single file: its format is recognised by what it begins with, and by its name where that says nothing."""

from pathlib import Path as FilePath
from typing import Final, TypeAlias

from parity.checkpoint.archive import SIGNATURE as ARCHIVE
from parity.checkpoint.archive import Archive, read_archive
from parity.checkpoint.dtypes import torch_dtype
from parity.checkpoint.flatten import flatten
from parity.checkpoint.model import Entry, Path, Unreadable
from parity.checkpoint.nodes import Node
from parity.checkpoint.readers.numpy import SIGNATURE as ARRAY
from parity.checkpoint.readers.numpy import is_npz, read_npy, read_npz
from parity.checkpoint.readers.safetensors import is_safetensors, read_safetensors
from parity.checkpoint.readers.side_files import read_json, read_yaml
from parity.checkpoint.readers.torch_legacy import is_tar, read_pickles, read_tar
from parity.checkpoint.readers.torch_zip import is_torch_zip, read_torch_zip
from parity.checkpoint.rebuild import Storages, no_storages
from parity.checkpoint.sources import Held, MappedFile
from parity.checkpoint.tensors import view
from parity.errors import CheckpointUnsupportedError

Contents: TypeAlias = tuple[str, dict[Path, Entry], tuple[Unreadable, ...]]
_PICKLED: Final = frozenset({".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".tar"})
_NEWEST_PROTOCOL: Final = 5


def read_contents(file: MappedFile) -> Contents:
    """Format, entries and unreadable parts of one file.

    A file of no known format is one tensor of its bytes, so that it is compared too. Raises an error of reading where
    a file of a known format cannot be read at all.
    """
    suffix = file.path.suffix.lower()
    data = file.view
    if suffix == ".safetensors" or (suffix != ".json" and is_safetensors(data)):
        return ("safetensors", *read_safetensors(data))
    if bytes(data[:4]) == ARCHIVE:
        return _archived(read_archive(data), file.path)
    if bytes(data[:6]) == ARRAY:
        return ("numpy", *read_npy(Held(data)))
    if suffix == ".json":
        return _flat("json", read_json(data))
    if suffix in (".yaml", ".yml"):
        return _flat("yaml", read_yaml(data))
    if is_tar(data):
        return _flat("torch tar", *read_tar(file))
    if suffix in _PICKLED or _begins_as_pickle(data):
        root, storages, kind = read_pickles(file)
        return _flat(kind, root, storages)
    whole = view(torch_dtype("uint8"), (len(data),), (1,), Held(data), storage="file", kind="bytes")
    return "bytes", {(): whole}, ()


def _flat(kind: str, root: Node, storages: Storages = no_storages) -> Contents:
    return (kind, *flatten(root, storages))


def _archived(archive: Archive, path: FilePath) -> Contents:
    if is_torch_zip(archive):
        return _flat("torch zip", *read_torch_zip(archive))
    if is_npz(archive):
        return ("numpy archive", *read_npz(archive))
    message = f"{path.name} is an archive, but neither of torch nor of numpy"
    raise CheckpointUnsupportedError(message)


def _begins_as_pickle(data: memoryview) -> bool:
    return len(data) > 2 and data[0] == 0x80 and data[1] <= _NEWEST_PROTOCOL
