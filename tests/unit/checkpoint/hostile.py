"""Files that want to run code, fill the memory, never end, or lead elsewhere: one row each.

A row is a name, how to write it into a directory, and what reading it must say: the slug of an error, or nothing where
the file is readable and merely holds inert records.
"""

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np

from tests.unit.checkpoint.pickles import call, integer, integers, keyed, name, program, storage, tensor, text
from tests.unit.checkpoint.zips import ONE_TENSOR, archive, central, patched, torch_zip

MALFORMED, UNSUPPORTED, LARGE, ESCAPES, MISSING = (
    "checkpoint-malformed",
    "checkpoint-unsupported",
    "checkpoint-too-large",
    "checkpoint-escapes",
    "checkpoint-missing",
)
CANARY = "CANARY"
TOUCH = text(f"touch {CANARY}")
ROWS = {}


def row(slug, suffix=".pt"):
    def register(write):
        ROWS[write.__name__] = (suffix, write, slug)
        return write

    return register


def rows(slug, suffix=".pt", **contents):
    for title, content in contents.items():
        ROWS[title] = (suffix, lambda path, content=content: path.write_bytes(content), slug)


def safetensors(header, body=b"", size=None):
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(data) if size is None else size) + data + body


def f32(shape, begin, end):
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def npy(header):
    data = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data)) + data


def one(*shape_and_stride, count=4, offset=0, kind="FloatStorage", key="0"):
    return torch_zip(keyed(w=tensor(key, kind, count, *shape_and_stride, offset=offset)))


def lists(levels, width=2):
    """A list of references to a list of references: ``width ** levels`` leaves in a few bytes."""
    body = b"]q\x00" + b"K\x01a0"
    for level in range(1, levels):
        body += b"]" + b"q" + bytes([level]) + (b"h" + bytes([level - 1]) + b"a") * width + b"0"
    return program(body + b"h" + bytes([levels - 1]))


class Evil:
    def __reduce__(self):
        return os.system, (f"touch {CANARY}",)


EVIL = pickle.dumps(Evil())
EXEC = call("builtins", "exec", text(f"open({CANARY!r}, 'w').close()"))

# Payloads: readable, because nothing of them is run.
rows(
    "",
    reduce_system=torch_zip(keyed(x=call("os", "system", TOUCH))),
    reduce_plain=EVIL,
    reduce_protocol_0=pickle.dumps(Evil(), 0),
    reduce_protocol_4=pickle.dumps(Evil(), 4),
    exec_builtin=torch_zip(keyed(x=EXEC)),
    instance_opcode=program(b"(" + TOUCH + b"ios\nsystem\n"),
    object_opcode=program(b"(" + name("os", "system") + TOUCH + b"o"),
    newobj=program(name("os", "system") + b"(" + TOUCH + b"t\x81"),
    newobj_keywords=program(name("os", "system") + b"(" + TOUCH + b"t}\x92"),
    stack_global=program(text("os") + text("system") + b"\x93(" + TOUCH + b"tR"),
    extension_registry=program(b"\x82\x01(" + TOUCH + b"tR"),
    build_setstate=program(call("os", "system", TOUCH) + b"}" + text("__setstate__") + name("os", "system") + b"sb"),
    getattr_chain=program(
        call("builtins", "getattr", name("os", "path"), text("os")) + b"0" + call("builtins", "eval", TOUCH)
    ),
    called_result=program(call("functools", "partial", name("os", "system"), TOUCH) + b")R"),
    dict_of_dunder=program(b"}" + text("__class__") + name("os", "system") + b"s"),
    payload_as_key=program(b"}" + call("os", "system", TOUCH) + b"K\x01s"),
    payload_beside_tensor=torch_zip(
        keyed(w=tensor("0", "FloatStorage", 4, (4,), (1,)), x=call("posix", "system", TOUCH))
    ),
    text_unicode=program(b"V" + b"a\\u0041" + b"\n"),
    cycle=program(b"]q\x00h\x00a"),
    cycle_dict=program(b"}q\x00" + text("self") + b"h\x00s"),
    billion_laughs=lists(40),
    billion_laughs_wide=lists(12, 200),
    lone_surrogate=program(b"X\x03\x00\x00\x00\xed\xa0\x80"),
    set_of_repeats=program(text("a" * 200) + b"q\x000\x8f(" + b"h\x00" * 1_000_000 + b"\x90"),
    set_of_huge_integers=program(b"\x8f(\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b"K\x01\x90"),
    set_of_tuples=program(b"K\x01\x85q\x000\x8f(" + b"h\x00" * 20_000 + b"\x90"),
    huge_integer=program(b"\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20)),
)
rows(
    MALFORMED,
    payload_as_shape=torch_zip(
        keyed(
            w=call(
                "torch._utils",
                "_rebuild_tensor_v2",
                storage("0", "FloatStorage", 4),
                integer(0),
                call("os", "system", TOUCH),
                integers((1,)),
            )
        )
    ),
    payload_as_storage=torch_zip(
        keyed(w=call("torch._utils", "_rebuild_tensor", EXEC, integer(0), integers((1,)), integers((1,))))
    ),
    build_on_list=program(b"]}b"),
    append_to_text=program(text("a") + b"K\x01a"),
    set_item_on_list=program(b"]K\x01K\x02s"),
    odd_items=program(b"}(K\x01u"),
    stack_underflow=program(b"0"),
    no_mark=program(b"t"),
    pop_across_mark=program(b"K\x01(\x85"),
    unknown_memo=program(b"h\x07"),
    unknown_opcode=program(b"\xff"),
    no_stop=b"\x80\x02K\x01",
    only_protocol=b"\x80\x02",
    empty=b"",
    endless_line=b"\x80\x02c" + b"a" * (1 << 18),
    digits=b"\x80\x02L" + b"9" * 60_000 + b"L\n.",
    claimed_text=b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a.",
    claimed_bytes=b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"a.",
    claimed_long=b"\x80\x02\x8b" + struct.pack("<i", 0x7FFFFFFF) + b"\x01.",
    claimed_frame=b"\x80\x04\x95",
    random_bytes=bytes(range(255, 0, -1)) * 40,
)
rows(
    UNSUPPORTED,
    future_protocol=b"\x80\x09.",
    outside_buffer=program(b"\x97"),
    big_endian=torch_zip(byteorder=b"big"),
    unknown_storage=one((4,), (1,), kind="MysteryStorage"),
)

# Memory: nothing is allocated because a file says so.
rows(
    LARGE,
    empty_lists=program(b"(" + b"]" * 3_000_000 + b"l"),
    empty_dicts=program(b"(" + b"}" * 3_000_000 + b"t"),
    memo_bomb=program(b"K\x01" + b"\x94" * 4_000_000),
    calls=program(name("a", "b") + b")R" * 1_000_000),
    deep_tuples=program(b")" + b"\x85" * 900_000),
    deep_lists=program(b"]" * 500_000 + b"a" * 499_999),
    deep_dicts=program(b"K\x01" + b"".join(b"}K\x00" for _ in range(2000)) + b"K\x01" + b"s" * 2000),
    marks=program(b"(" * 6_000_000),
    many_keys=program(b"}(" + b"".join(b"J" + struct.pack("<i", at) + b"]K\x01a" for at in range(201_000)) + b"u"),
    expanded=one((1 << 40,), (0,)),
    expanded_twice=one((1 << 31, 1 << 31), (0, 0)),
    no_op_flood=program(b"K\x01" + b"K\x010" * 2_600_000),
)
ROWS["memo_index"] = (".pt", lambda path: path.write_bytes(program(b"K\x01r\xff\xff\xff\x7f")), "")

# Shapes, strides and offsets that leave the storage.
rows(
    MALFORMED,
    shape_too_large=one((5,), (1,)),
    shape_enormous=one((1 << 62,), (1,)),
    shape_beyond_64_bits=one((1 << 200,), (1,)),
    shape_product=one((1 << 31, 1 << 31, 1 << 31), (1, 1, 1)),
    shape_negative=one((-4,), (1,)),
    stride_negative=one((4,), (-1,)),
    stride_too_large=one((2,), (1 << 40,)),
    offset_negative=one((1,), (1,), offset=-1),
    offset_too_large=one((4,), (1,), offset=1),
    offset_enormous=one((1,), (1,), offset=1 << 61),
    dimensions_differ=one((2, 2), (1,)),
    dimensions_many=one((1,) * 2000, (1,) * 2000),
    storage_short=one((4,), (1,), count=400),
    storage_missing=one((4,), (1,), key="1"),
    storage_traversal=one((4,), (1,), key="../../../etc/passwd"),
    storage_count_negative=one((4,), (1,), count=-4),
)

# Archives.
GOOD = torch_zip()
STORED = central(GOOD, "archive/data/0")
rows(
    MALFORMED,
    zip_truncated=GOOD[:-40],
    zip_half=GOOD[: len(GOOD) // 2],
    zip_only_signature=b"PK\x03\x04",
    zip_no_table=GOOD[: GOOD.index(b"PK\x01\x02")],
    zip_member_size=patched(GOOD, STORED + 20, "<II", 1 << 30, 1 << 30),
    zip_sizes_differ=patched(GOOD, STORED + 24, "<I", 1 << 30),
    zip_member_offset=patched(GOOD, STORED + 42, "<I", 0x7FFFFFFF),
    zip_overlap=patched(GOOD, STORED + 42, "<I", 0),
    zip_table_offset=patched(GOOD, len(GOOD) - 6, "<I", 0xFFFFFF),
    zip_table_count=patched(GOOD, len(GOOD) - 12, "<HH", 9, 9),
    zip_duplicate=torch_zip(storages={"0": bytes(16), "1": bytes(16)}).replace(b"archive/data/1", b"archive/data/0"),
    zip_ratio=patched(
        torch_zip(compression=zipfile.ZIP_DEFLATED),
        central(torch_zip(compression=zipfile.ZIP_DEFLATED), "archive/data.pkl") + 24,
        "<I",
        1 << 31,
    ),
    zip_damaged_stream=torch_zip(compression=zipfile.ZIP_DEFLATED).replace(
        zlib.compress(ONE_TENSOR)[2:8], b"\xff" * 6, 1
    ),
)
rows(UNSUPPORTED, zip_encrypted=patched(GOOD, STORED + 8, "<H", 1), zip_method=patched(GOOD, STORED + 10, "<H", 12))
rows(UNSUPPORTED, zip_neither=archive({"a.txt": b"a"}), zip_of_payload=archive({"evil.pkl": EVIL}))


@row(LARGE)
def zip_bomb_pickle(path):
    path.write_bytes(torch_zip(program(b"(" + b"]" * (80 << 20) + b"l"), compression=zipfile.ZIP_DEFLATED))


@row(LARGE)
def zip_bomb_storage(path):
    program_ = keyed(w=tensor("0", "ByteStorage", 1 << 30, (1 << 30,), (1,)))
    packed = zlib.compressobj(1, zlib.DEFLATED, -15)
    data = b"".join(packed.compress(bytes(1 << 24)) for _ in range(64)) + packed.flush()
    whole = torch_zip(program_, storages={"0": data})
    at = central(whole, "archive/data/0")
    path.write_bytes(patched(patched(whole, at + 24, "<I", 1 << 30), at + 10, "<H", 8))


@row(MALFORMED)
def zip_stream_ends(path):
    whole = torch_zip(
        keyed(w=tensor("0", "ByteStorage", 4000, (4000,), (1,))), storages={"0": zlib.compress(bytes(2000))[2:-4]}
    )
    at = central(whole, "archive/data/0")
    path.write_bytes(patched(patched(whole, at + 24, "<I", 4000), at + 10, "<H", 8))


# Safetensors.
rows(
    MALFORMED,
    ".safetensors",
    st_empty=b"",
    st_short=b"\x10\0\0\0",
    st_no_header=struct.pack("<Q", 0),
    st_truncated=safetensors({"w": f32([4], 0, 16)}, size=4000),
    st_no_json=safetensors(b"{" + b"x" * 40),
    st_list=safetensors(b"[1,2]"),
    st_duplicate=safetensors(b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":1}', bytes(4)),
    st_range=safetensors({"w": f32([4], 0, 16)}, bytes(8)),
    st_reversed=safetensors({"w": f32([0], 8, 0)}, bytes(8)),
    st_negative=safetensors({"w": f32([1], -4, 0)}, bytes(8)),
    st_size=safetensors({"w": f32([1], 0, 8)}, bytes(8)),
    st_enormous=safetensors({"w": f32([1 << 62], 0, 8)}, bytes(8)),
    st_bool_shape=safetensors({"w": f32([True], 0, 4)}, bytes(4)),
    st_overlap=safetensors({"a": f32([2], 0, 8), "b": f32([2], 4, 12)}, bytes(12)),
    st_no_offsets=safetensors({"w": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    st_deep=safetensors(b'{"w":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    st_not_utf8=safetensors(b'{"\xff\xfe":1}'),
)
rows(
    UNSUPPORTED,
    ".safetensors",
    st_dtype=safetensors({"w": {"dtype": "Q3", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
)
rows(
    LARGE,
    ".safetensors",
    st_header_size=safetensors(b"{}", size=1 << 62),
    st_many=safetensors(b'{"w":[' + b"[]," * 3_000_000 + b"0]}"),
)

# Numpy.
rows(
    MALFORMED,
    ".npy",
    npy_truncated=b"\x93NUMPY\x01",
    npy_header=npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)"),
    npy_code=npy(f"__import__('os').system('touch {CANARY}')"),
    npy_parentheses=npy("(" * 5000),
    npy_shape=npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}"),
    npy_version=b"\x93NUMPY\x09\x00" + bytes(40),
    npy_header_size=b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 31) + bytes(40),
)
rows(UNSUPPORTED, ".npy", npy_type=npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}"))


@row("", ".npy")
def npy_objects(path):
    np.save(path, np.array([Evil()], dtype=object), allow_pickle=True)


@row("", ".npz")
def npz_objects(path):
    np.savez(path, a=np.array([Evil()], dtype=object))


# Side files.
rows(
    MALFORMED,
    ".json",
    json_deep=b"[" * 200_000,
    json_digits=b'{"a": ' + b"9" * 100_000 + b"}",
    json_truncated=b'{"a": [1, 2',
    json_not_utf8=b"\xff\xfe{}",
)
rows(LARGE, ".json", json_many=b"[" + b"[]," * 2_000_000 + b"0]")
rows(
    MALFORMED,
    ".yaml",
    yaml_payload=f"!!python/object/apply:os.system ['touch {CANARY}']".encode(),
    yaml_merge=b"a0: &a0 {x: 1}\n"
    + b"".join(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
    yaml_deep=b"[" * 20_000,
)
rows(
    "",
    ".yaml",
    yaml_laughs=b"a0: &a0 [1]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
)
rows(LARGE, ".yaml", yaml_long=b"a: 1\n" * 100_000)


# Tar and the pickles in a row of old files.
def tar(**members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as file:
        for title, data in members.items():
            info = tarfile.TarInfo(title)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return stream.getvalue()


MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
SYSTEM = pickle.dumps({"little_endian": True}, 2)
ROW = MAGIC + pickle.dumps(1001, 2) + SYSTEM
LEGACY = keyed(w=tensor("0", "FloatStorage", 4, (4,), (1,)))
rows(
    MALFORMED,
    legacy_only_magic=MAGIC,
    legacy_no_storages=ROW + LEGACY,
    legacy_storage_cut=ROW + LEGACY + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(8),
    legacy_storage_huge=ROW + LEGACY + pickle.dumps(["0"], 2) + struct.pack("<q", 1 << 60) + bytes(16),
    legacy_storage_negative=ROW + LEGACY + pickle.dumps(["0"], 2) + struct.pack("<q", -1) + bytes(16),
    tar_missing=tar(pickle=EVIL),
    tar_size=tar(pickle=EVIL).replace(b"%011o" % len(EVIL), b"77777777777", 1),
    tar_count=tar(pickle=EVIL, storages=pickle.dumps(1 << 40, 2), tensors=pickle.dumps(0, 2)),
    tar_tensor=tar(
        pickle=EVIL,
        storages=pickle.dumps(0, 2) + pickle.dumps([], 2),
        tensors=pickle.dumps(1, 2)
        + program(b"(" + text("0") + text("0") + name("torch", "FloatTensor") + b"t")
        + b"\xff" * 40,
    ),
)
rows(
    UNSUPPORTED,
    legacy_big_endian=MAGIC
    + pickle.dumps(1001, 2)
    + pickle.dumps({"little_endian": False}, 2)
    + LEGACY
    + pickle.dumps([], 2),
)
rows("", tar_payload=tar(pickle=EVIL, storages=pickle.dumps(0, 2) + pickle.dumps([], 2), tensors=pickle.dumps(0, 2)))


# Directories.
@row(ESCAPES, "")
def directory_link_outside(path):
    path.mkdir()
    (path.parent / "secret.json").write_text('{"secret": 1}')
    (path / "config.json").symlink_to(path.parent / "secret.json")


@row(MISSING, "")
def directory_link_circle(path):
    path.mkdir()
    (path / "a.pt").symlink_to(path / "b.pt")
    (path / "b.pt").symlink_to(path / "a.pt")


@row(MISSING, "")
def directory_pipe(path):
    path.mkdir()
    os.mkfifo(path / "model.pt")


@row(ESCAPES, "")
def directory_device(path):
    path.mkdir()
    (path / "model.pt").symlink_to("/dev/zero")


@row("", "")
def directory_linked_to_itself(path):
    path.mkdir()
    (path / "again").symlink_to(path)
    (path / "model.pt").write_bytes(GOOD)


def index(path, weights):
    path.mkdir()
    (path.parent / "outside.safetensors").write_bytes(safetensors({"w": f32([1], 0, 4)}, bytes(4)))
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))


@row(ESCAPES, "")
def index_traversal(path):
    index(path, {"w": "../outside.safetensors"})


@row(ESCAPES, "")
def index_absolute(path):
    index(path, {"w": "/etc/passwd"})


@row(MISSING, "")
def index_missing(path):
    index(path, {"w": "model-1.safetensors"})


@row(MALFORMED, "")
def index_numbers(path):
    index(path, {"w": 1})


@row(MISSING, "")
def index_null(path):
    index(path, {"w": "."})


def fields(**values):
    return b"}" + b"".join(text(key) + value + b"s" for key, value in values.items())


def plan(path, file="__0_0.distcp", offset=0, length=None, size=(4,)):
    piece = torch_zip(program(tensor("0", "FloatStorage", 4, (4,), (1,))))
    where = "torch.distributed.checkpoint"

    def made(module, title, **values):
        return name(f"{where}.{module}", title) + b")\x81" + fields(**values) + b"b"

    def torch_size(values):
        return call("torch", "Size", integers(values))

    chunk = made("metadata", "ChunkStorageMetadata", offsets=torch_size((0,)), sizes=torch_size((4,)))
    kept = made("metadata", "TensorStorageMetadata", size=torch_size(size), chunks=b"]" + chunk + b"a")
    key = made("metadata", "MetadataIndex", fqn=text("w"), offset=torch_size((0,)))
    length = integer(len(piece) if length is None else length)
    info = made("filesystem", "_StorageInfo", relative_path=text(file), offset=integer(offset), length=length)
    body = made("metadata", "Metadata", state_dict_metadata=fields(w=kept), storage_data=b"}" + key + info + b"s")
    path.mkdir()
    (path / ".metadata").write_bytes(program(call("os", "system", TOUCH) + b"0" + body))
    (path / "__0_0.distcp").write_bytes(piece)


PLANS = {
    "plan_payload": ("", {}),
    "plan_traversal": (ESCAPES, {"file": "../../etc/passwd"}),
    "plan_absolute": (ESCAPES, {"file": "/etc/passwd"}),
    "plan_missing": (MISSING, {"file": "__9_0.distcp"}),
    "plan_offset": (MALFORMED, {"offset": 1 << 40}),
    "plan_negative": (MALFORMED, {"offset": -8}),
    "plan_length": (MALFORMED, {"length": 1 << 40}),
    "plan_size": (MALFORMED, {"size": (1 << 40,)}),
    "plan_cut": (MALFORMED, {"length": 100}),
}
for title, (slug, arguments) in PLANS.items():
    ROWS[title] = ("", lambda path, arguments=arguments: plan(path, **arguments), slug)


@row(MALFORMED, "")
def plan_garbage(path):
    path.mkdir()
    (path / ".metadata").write_bytes(b"\x80\x02garbage")
