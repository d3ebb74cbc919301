"""Files as trackers write them, made byte by byte."""

import json
import sqlite3
import struct
import zlib
from contextlib import closing

from parity.trace.importers import wandb
from parity.trace.importers.tensorboard import masked_checksum


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """One field of a protocol buffer: an integer, a float32 (float), or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tf_record(data):
    head = struct.pack("<Q", len(data))
    return b"".join((head, struct.pack("<I", masked_checksum(head)), data, struct.pack("<I", masked_checksum(data))))


def event(step, tag, value):
    """A scalar as TensorBoard stores it: float32."""
    return tf_record(field(2, step) + field(5, field(1, field(1, tag.encode()) + field(2, float(value)))))


def tensor_event(step, tag, kind, content):
    tensor = field(1, kind) + field(4, content)
    return tf_record(field(2, step) + field(5, field(1, field(1, tag.encode()) + field(8, tensor))))


def wandb_record(step, items):
    """One call of ``log`` as a record: its items are JSON texts."""
    encoded = b"".join(field(1, field(2, key.encode()) + field(16, text.encode())) for key, text in items.items())
    return field(2, encoded + field(2, field(1, step)))


def wandb_file(records):
    """Records in blocks of 32 KiB, cut where a block ends."""
    data = bytearray(wandb.HEADER.pack(wandb.MAGIC, 0xBEE1, 0))
    for record in records:
        rest, begun = record, False
        while True:
            room = wandb.BLOCK - len(data) % wandb.BLOCK
            if room < wandb.PIECE.size:
                data += bytes(room)
                continue
            part, rest = rest[: room - wandb.PIECE.size], rest[room - wandb.PIECE.size :]
            kind = (wandb.MIDDLE if rest else wandb.LAST) if begun else (wandb.FIRST if rest else wandb.FULL)
            data += wandb.PIECE.pack(zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            begun = True
            if not rest:
                break
    return bytes(data)


def trackio_database(path, rows, *, run_column="run_name"):
    """Rows of (run, step, metrics); ``run_column`` is None in a table without one."""
    columns = "id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, step INTEGER NOT NULL, metrics TEXT NOT NULL"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE metrics ({columns}{f', {run_column} TEXT' if run_column else ''})")
        for run, step, metrics in rows:
            values = {"step": step, "metrics": json.dumps(metrics), **({run_column: run} if run_column else {})}
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO metrics ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    return path
