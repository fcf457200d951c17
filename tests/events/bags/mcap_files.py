"""MCAP files of the kinds that rosbags does not write, made from those that it does."""

import struct
from binascii import crc32
from collections.abc import Iterable

import lz4.frame

from snn_core.events.files.zstandard import library as zstd

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, ATTACHMENT, DATA_END = 1, 2, 3, 4, 5, 6, 7, 9, 15
COMPRESS = {"": bytes, "lz4": lz4.frame.compress, "zstd": zstd.compress}

Record = tuple[int, bytes]


def record(opcode: int, content: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(content)) + content


def text(value: str) -> bytes:
    return struct.pack("<I", len(value.encode())) + value.encode()


def records(data: bytes) -> list[Record]:
    found, position = [], 0
    while position < len(data):
        opcode, length = struct.unpack_from("<BQ", data, position)
        found.append((opcode, data[position + 9 : position + 9 + length]))
        position += 9 + length
    return found


def data_records(file: bytes) -> list[Record]:
    """Schemas, channels and messages of a file that rosbags wrote without compression, in their order."""
    found = []
    for opcode, content in records(file[len(MAGIC) : -len(MAGIC)]):
        if opcode == CHUNK:
            (name,) = struct.unpack_from("<I", content, 28)
            assert name == 0
            found += records(content[40:])
        if opcode == DATA_END:
            break
    return found


def message(channel: int, time_ns: int, data: bytes) -> Record:
    return MESSAGE, struct.pack("<HIQQ", channel, 0, time_ns, time_ns) + data


def chunk(content: Iterable[Record], compression: str = "", crc: bool = True) -> bytes:
    content = list(content)
    plain = b"".join(record(*each) for each in content)
    times = [struct.unpack_from("<Q", data, 6)[0] for opcode, data in content if opcode == MESSAGE] or [0]
    compressed = COMPRESS[compression](plain)
    head = struct.pack("<QQQI", min(times), max(times), len(plain), crc32(plain) if crc else 0)
    return record(CHUNK, head + text(compression) + struct.pack("<Q", len(compressed)) + compressed)


def file(body: bytes, is_closed: bool = True) -> bytes:
    """A file without a summary; one that was not closed lacks its end."""
    begin = MAGIC + record(HEADER, text("ros2") + text("test"))
    end = record(DATA_END, bytes(4)) + record(FOOTER, bytes(20)) + MAGIC
    return begin + body + (end if is_closed else b"")


def chunks(content: list[Record], size: int, compression: str = "", crc: bool = True) -> bytes:
    """The records in chunks of ``size`` records each."""
    return b"".join(chunk(content[begin : begin + size], compression, crc) for begin in range(0, len(content), size))


def schema(number: int, name: str, encoding: str, definition: str) -> Record:
    return SCHEMA, struct.pack("<H", number) + text(name) + text(encoding) + text(definition)


def channel(number: int, schema_number: int, topic: str, encoding: str) -> Record:
    return CHANNEL, struct.pack("<HH", number, schema_number) + text(topic) + text(encoding) + struct.pack("<I", 0)
