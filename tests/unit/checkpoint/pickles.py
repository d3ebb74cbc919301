"""Pickle programs, written operation by operation."""

import struct


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def integer(value):
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8b" + struct.pack("<i", size) + value.to_bytes(size, "little", signed=True)


def integers(values):
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def call(module, attribute, *arguments):
    return name(module, attribute) + b"(" + b"".join(arguments) + b"tR"


def storage(key, kind, count):
    return b"(" + text("storage") + name("torch", kind) + text(key) + text("cpu") + integer(count) + b"tQ"


def tensor(key, kind, count, shape, stride, offset=0):
    where = storage(key, kind, count)
    arguments = (where, integer(offset), integers(shape), integers(stride), b"\x89", call("collections", "OrderedDict"))
    return call("torch._utils", "_rebuild_tensor_v2", *arguments)


def program(body):
    return b"\x80\x02" + body + b"."


def keyed(**bodies):
    return program(b"}" + b"".join(text(key) + body + b"s" for key, body in bodies.items()))
