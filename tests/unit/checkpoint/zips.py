"""Archives as torch and numpy write them, with whatever a test wants wrong."""

import io
import struct
import zipfile

from tests.unit.checkpoint.pickles import tensor

ONE_TENSOR = b"\x80\x02}X\x01\x00\x00\x00w" + tensor("0", "FloatStorage", 4, (4,), (1,)) + b"s."


def archive(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


def torch_zip(program=ONE_TENSOR, storages=None, compression=zipfile.ZIP_STORED, **members):
    storages = {"0": bytes(range(16))} if storages is None else storages
    return archive(
        {"archive/data.pkl": program}
        | {f"archive/data/{key}": data for key, data in storages.items()}
        | {f"archive/{name}": data for name, data in members.items()},
        compression,
    )


def central(data, name):
    """Offset of the entry of a member in the table of contents."""
    at = data.index(b"PK\x01\x02")
    while True:
        size, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        if data[at + 46 : at + 46 + size].decode() == name:
            return at
        at += 46 + size + extra + comment


def patched(data, at, form, *values):
    changed = bytearray(data)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)
