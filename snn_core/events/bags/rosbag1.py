"""ROS 1 bags, format 2.0.

A file is a line of magic, then records (uint32 length, header fields, uint32 length, data). Chunks hold messages and
the connections that they belong to. An index at the end lists connections and chunks; a bag without one (the recorder
was killed: ``.bag.active``) or with a damaged one is scanned once instead.

Source: ROS wiki, "Bags/Format/2.0", http://wiki.ros.org/Bags/Format/2.0
"""

import struct
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from snn_core.errors import UserError
from snn_core.events.bags.cursor import Buffer, Cursor, DamagedError
from snn_core.events.bags.decompression import MAX_BYTES, decompress
from snn_core.events.bags.storage import Damage, Message, Part, Topic, in_order_of_time, ros2_type

MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, CHUNK, CHUNK_INFO, CONNECTION = 2, 5, 6, 7
MAX_HEADER_BYTES = 2**24  # a connection's has the text of its message definition
CHUNK_OPERATION = b"\4\0\0\0op=\5"  # this field begins, or follows in, the header of every chunk
MAX_CHUNK_HEADER_BYTES = 64
SEARCH_BYTES = 2**16
S_TO_NS = 10**9

Fields = dict[bytes, bytes]


class _Chunk(NamedTuple):
    """Where a chunk record begins, and where it ends at the latest; ``connections`` None: it may hold any."""

    position: int
    end: int
    start_ns: int
    size: int
    connections: frozenset[int] | None = None


class Rosbag1File:
    """One ROS 1 bag; a ``StorageFile``. Raises UserError where it is none, or nothing of it can be read."""

    format = "ROS 1 bag"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: dict[int, Topic] = {}
        self.damage = Damage()
        self.fraction_read = 0.0
        self._chunks: list[_Chunk] = []
        self._end = path.stat().st_size
        with path.open("rb") as file:
            if file.readline(len(MAGIC)) != MAGIC:
                raise UserError(f"{path}: not a ROS 1 bag of format 2.0; expected one, which begins with {MAGIC!r}")
            index_position = self._read_bag_header(file)
            if not self._read_index(file, index_position):
                self.connections.clear()
                self._chunks.clear()
                self._scan(file)

    def messages(self, wanted: Collection[int], damage: Damage) -> Iterator[Message]:
        wanted = frozenset(wanted)
        with self.path.open("rb") as file:
            chunks = [each for each in self._chunks if each.connections is None or each.connections & wanted]
            load = partial(self._load, file, wanted, damage)
            parts = [Part(each.start_ns, each.size, partial(load, each)) for each in chunks]
            for self.fraction_read, message in in_order_of_time(parts):
                yield message

    # The index

    def _read_bag_header(self, file: BinaryIO) -> int:
        """The position of the index, 0 where there is none."""
        try:
            fields, _, _ = self._read_record(file, len(MAGIC))
            position = _number(fields, b"index_pos", "Q")
        except DamagedError:
            return 0
        if fields.get(b"encryptor"):
            raise UserError(f"{self.path}: is encrypted; expected a plain bag, decrypt it with rosbag")
        return position

    def _read_index(self, file: BinaryIO, position: int) -> bool:
        """Connections and chunks as the index says; False where there is none, or one that does not fit the file.

        A few chunks that do not stand where it says are dropped when they are read.
        """
        if not len(MAGIC) < position < self._end:
            return False
        try:
            while position < self._end:
                fields, data, position = self._read_record(file, position)
                operation = _operation(fields)
                if operation == CONNECTION:
                    self._add_connection(fields, data)
                elif operation == CHUNK_INFO:
                    self._chunks.append(self._indexed_chunk(file, fields, data))
        except DamagedError:
            return False
        return not self._chunks or 2 * sum(chunk.size > 0 for chunk in self._chunks) > len(self._chunks)

    def _indexed_chunk(self, file: BinaryIO, fields: Fields, data: Buffer) -> _Chunk:
        counts = Cursor(data)
        connections = []
        while counts.left:
            connection, _ = counts.numbers("II")
            connections.append(connection)
        position = _number(fields, b"chunk_pos", "Q")
        start_ns = _time_ns(fields, b"start_time")
        try:
            size = _chunk_size(self._find_record(file, position)[0])
        except DamagedError:
            size = 0
        return _Chunk(position, self._end, start_ns, size, frozenset(connections))

    # Without an index

    def _scan(self, file: BinaryIO) -> None:
        """Walk through all records for connections and for where chunks stand."""
        position = len(MAGIC)
        while position < self._end:
            try:
                fields, start, length, following = self._find_record(file, position)
                operation = _operation(fields)
                if operation == CONNECTION:
                    file.seek(start)
                    self._add_connection(fields, file.read(min(length, MAX_HEADER_BYTES)))
                elif operation == CHUNK:
                    if following > self._end:
                        following = self._next_chunk(file, position + 1)
                        self.damage.add(f"{self.path.name}: cut or damaged at byte {position} of {self._end}")
                    self._scan_chunk(file, position, following, _chunk_size(fields))
                elif following > self._end:
                    raise DamagedError("ends inside a record")
            except DamagedError as error:
                following = self._next_chunk(file, position + 1)
                note = f"{self.path.name}: {error} at byte {position} of {self._end}"
                self.damage.add(note, dropped_bytes=following - position)
            position = following
        self.damage.add(f"{self.path.name}: no index, or a damaged one; read without")

    def _next_chunk(self, file: BinaryIO, position: int) -> int:
        """Where the next record of a chunk begins, at ``position`` or after; the end of the file without one."""
        while position < self._end:
            file.seek(position)
            block = file.read(SEARCH_BYTES)
            found = block.find(CHUNK_OPERATION)
            if found < 0:
                position += max(len(block) - len(CHUNK_OPERATION) + 1, 1)
                continue
            for start in range(max(position, position + found - MAX_CHUNK_HEADER_BYTES), position + found):
                try:
                    _chunk_size(self._find_record(file, start)[0])
                except DamagedError:
                    continue
                return start
            position += found + 1
        return self._end

    def _scan_chunk(self, file: BinaryIO, position: int, end: int, size: int) -> None:
        times_ns = []
        try:
            records, _ = self._read_chunk(file, position, end)
        except DamagedError:
            records = b""  # what is lost is counted when the chunk is read
        for fields, data, _ in _whole_records(records):
            try:
                if _operation(fields) == CONNECTION:
                    self._add_connection(fields, data)
                elif _operation(fields) == MESSAGE:
                    times_ns.append(_time_ns(fields, b"time"))
            except DamagedError as error:
                self.damage.add(f"{self.path.name}: chunk at byte {position}: {error}")
        self._chunks.append(_Chunk(position, end, min(times_ns, default=0), size))

    # Records

    def _add_connection(self, fields: Fields, data: Buffer) -> None:
        about = _parse_fields(data)
        self.connections.setdefault(
            _number(fields, b"conn", "I"),
            Topic(
                name=fields.get(b"topic", b"").decode("utf-8", "replace"),
                type=ros2_type(about.get(b"type", b"").decode("utf-8", "replace")),
                encoding="ros1",
                definition=about.get(b"message_definition", b"").decode("utf-8", "replace"),
                is_latched=about.get(b"latching") == b"1",
            ),
        )

    def _load(self, file: BinaryIO, wanted: frozenset[int], damage: Damage, chunk: _Chunk) -> list[Message]:
        try:
            records, is_whole = self._read_chunk(file, chunk.position, chunk.end)
        except DamagedError as error:
            damage.add(f"{self.path.name}: chunk at byte {chunk.position}: {error}", dropped_bytes=chunk.size)
            return []
        messages, end = [], 0
        for fields, data, following in _whole_records(records):
            end = following
            try:
                if _operation(fields) == MESSAGE and (connection := _number(fields, b"conn", "I")) in wanted:
                    messages.append(Message(_time_ns(fields, b"time"), connection, data))
            except DamagedError as error:
                damage.add(f"{self.path.name}: chunk at byte {chunk.position}: {error}", dropped_messages=1)
        if end < len(records) or not is_whole:
            damage.add(
                f"{self.path.name}: chunk at byte {chunk.position} is cut or damaged after {end} bytes",
                dropped_bytes=len(records) - end,
            )
        return messages

    def _read_chunk(self, file: BinaryIO, position: int, end: int) -> tuple[Buffer, bool]:
        """A chunk's records, and whether it is whole; nothing from ``end`` on is read. Raises DamagedError."""
        fields, start, length, _ = self._find_record(file, position)
        size = _chunk_size(fields)
        is_cut = start + length > end
        length = min(length, end - start)
        if length > MAX_BYTES:
            raise DamagedError(f"has {length} bytes; one piece may have {MAX_BYTES}")
        file.seek(start)
        content = memoryview(file.read(length))
        compression = fields.get(b"compression", b"").decode("utf-8", "replace")
        if is_cut and compression == "none":
            content = content[:size]  # what follows belongs to other records
        records, is_whole = decompress(content, compression, size)
        if not is_whole and not is_cut:
            raise DamagedError(f"holds {len(records)} bytes, expected {size}")
        return records, is_whole

    def _find_record(self, file: BinaryIO, position: int) -> tuple[Fields, int, int, int]:
        """Header fields of the record at ``position``, where its data begins, its length and what follows it.

        The data may end after the file.
        """
        if position > self._end:
            raise DamagedError("lies after the end of the file")
        file.seek(position)
        size = file.read(4)
        if len(size) < 4:
            raise DamagedError("ends inside a record")
        (length,) = struct.unpack("<I", size)
        if length > min(MAX_HEADER_BYTES, self._end - position):
            raise DamagedError("ends inside a record")
        header = file.read(length + 4)
        if len(header) < length + 4:
            raise DamagedError("ends inside a record")
        fields = _parse_fields(header[:length])
        (data_length,) = struct.unpack_from("<I", header, length)
        start = position + 4 + length + 4
        return fields, start, data_length, start + data_length

    def _read_record(self, file: BinaryIO, position: int) -> tuple[Fields, Buffer, int]:
        """Header fields and data of the record at ``position``, and where the next begins."""
        fields, start, length, following = self._find_record(file, position)
        if following > self._end or length > MAX_HEADER_BYTES:
            raise DamagedError("ends inside a record")
        file.seek(start)
        return fields, file.read(length), following


def _whole_records(data: Buffer) -> Iterator[tuple[Fields, Buffer, int]]:
    """Header fields, data and end of the records in ``data`` before the first that is not whole."""
    cursor = Cursor(memoryview(data))
    try:
        while cursor.left:
            fields = _parse_fields(cursor.sized())
            content = cursor.sized()
            yield fields, content, cursor.position
    except DamagedError:
        return


def _parse_fields(header: Buffer) -> Fields:
    """The fields of a record's header: each a uint32 length, a name, "=", a value. Raises DamagedError."""
    header, position = bytes(header), 0
    fields: Fields = {}
    while position < len(header):
        start = position + 4
        position = start + int.from_bytes(header[position:start], "little")
        name, equals, value = header[start:position].partition(b"=")
        if not equals or position > len(header):
            raise DamagedError("a record's header is not made of fields")
        fields[name] = value
    return fields


def _number(fields: Fields, name: bytes, kind: str) -> int:
    value = fields.get(name, b"")
    if len(value) != struct.calcsize("<" + kind):
        raise DamagedError(f"field {name.decode()} of a record is missing or of another size")
    return int.from_bytes(value, "little")


def _time_ns(fields: Fields, name: bytes) -> int:
    both = _number(fields, name, "Q")
    return (both & 0xFFFFFFFF) * S_TO_NS + (both >> 32)


def _chunk_size(fields: Fields) -> int:
    """The bytes that a chunk holds when it is decompressed. Raises DamagedError where ``fields`` are not a chunk's."""
    if _operation(fields) != CHUNK or b"compression" not in fields:
        raise DamagedError("no chunk where one should be")
    return _number(fields, b"size", "I")


def _operation(fields: Fields) -> int:
    return _number(fields, b"op", "B")
