"""MCAP files, the storage of rosbag2 since Iron; ROS 1 messages in MCAP too.

A file is magic, records (opcode, uint64 length, content), magic. Chunks are records that hold records, compressed or
not. A summary at the end lists topics and chunks; a file without one (the recorder was killed, or writes none) or with
a damaged one is scanned once instead.

Source: "MCAP Format Specification", https://mcap.dev/spec
"""

import re
import struct
from binascii import crc32
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from snn_core.errors import UserError
from snn_core.events.bags.cursor import Buffer, Cursor, DamagedError
from snn_core.events.bags.decompression import MAX_BYTES, decompress
from snn_core.events.bags.storage import Damage, Message, Part, Topic, in_order_of_time, is_transient_local, ros2_type

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, CHUNK_INDEX, STATISTICS, DATA_END = 2, 3, 4, 5, 6, 8, 11, 15
RECORD_HEADER = struct.Struct("<BQ")
MESSAGE_HEADER = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time
CHUNK_HEADER = struct.Struct("<QQQII")  # first and last time, size, CRC, length of the compression's name
FOOTER_BYTES = RECORD_HEADER.size + 20 + len(MAGIC)
MAX_NAMES_BYTES = 2**24  # of a schema or channel record
MAX_SUMMARY_BYTES = 2**28
RUN_BYTES = 2**20  # messages outside of chunks are read in stretches of this size
FOREVER_NS = 2**63 - 1

LAST_RECORDS = {FOOTER: 20, DATA_END: 4}  # and their lengths
LAST_OPCODE, FIRST_PRIVATE_OPCODE = 15, 128
# A chunk's opcode, length, times, sizes and compression; what is stored is the rest of the length.
CHUNK_BEGINNING = re.compile(
    rb"(?=\x06(?P<length>...[\x00-\x10]\x00{4}).{28}(?P<name>\x00{4}|\x03\x00{3}lz4|\x04\x00{3}zstd)(?P<stored>.{8}))",
    re.DOTALL,
)
MAX_BEGINNING_BYTES = 64
SEARCH_BYTES = 2**16


class _Stretch(NamedTuple):
    """A chunk record, or a run of records outside of chunks.

    size: bytes in memory. channels: None where it may hold any.
    is_cut: whether ``length`` is not the record's own, but what there is up to the next, or to the end of the file.
    """

    position: int
    length: int
    start_ns: int
    is_chunk: bool
    size: int
    channels: frozenset[int] | None = None
    is_cut: bool = False


class McapFile:
    """One MCAP file; a ``StorageFile``. Raises UserError where it is none, or nothing of it can be read."""

    format = "rosbag2 MCAP"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: dict[int, Topic] = {}
        self.damage = Damage()
        self.fraction_read = 0.0
        self._schemas: dict[int, tuple[str, str, str]] = {}  # name, encoding, text
        self._stretches: list[_Stretch] = []
        self._end = path.stat().st_size
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise UserError(f"{path}: not an MCAP file; expected one, which begins with {MAGIC!r}")
            if not self._read_summary(file):
                self.connections.clear()
                self._schemas.clear()
                self._stretches.clear()
                self._scan(file)

    def messages(self, wanted: Collection[int], damage: Damage) -> Iterator[Message]:
        wanted = frozenset(wanted)
        with self.path.open("rb") as file:
            stretches = [each for each in self._stretches if each.channels is None or each.channels & wanted]
            load = partial(self._load, file, wanted, damage)
            parts = [Part(each.start_ns, each.size, partial(load, each)) for each in stretches]
            for self.fraction_read, message in in_order_of_time(parts):
                yield message

    # The summary

    def _read_summary(self, file: BinaryIO) -> bool:
        """Topics and chunks as the summary says; False where there is none, or one that does not fit the file."""
        if self._end < len(MAGIC) + FOOTER_BYTES:
            return False
        file.seek(self._end - FOOTER_BYTES)
        footer = file.read(FOOTER_BYTES)
        if footer[-len(MAGIC) :] != MAGIC or footer[: RECORD_HEADER.size] != RECORD_HEADER.pack(FOOTER, 20):
            return False
        start, _, crc = struct.unpack_from("<QQI", footer, RECORD_HEADER.size)
        end = self._end - FOOTER_BYTES
        if not len(MAGIC) < start < end or end - start > MAX_SUMMARY_BYTES:
            return False
        file.seek(start)
        summary = file.read(end - start)
        if crc and crc32(footer[: RECORD_HEADER.size + 16], crc32(summary)) != crc:
            return False
        try:
            stored = self._parse_summary(summary)
        except DamagedError:
            return False
        return stored == 0 or bool(self.connections and self._stretches and self._chunks_are_there(file))

    def _parse_summary(self, summary: bytes) -> int | None:
        """Take over topics and chunks; returns how many messages are stored, None where that is not said."""
        stored = None
        for opcode, content in _records(summary):
            if opcode == SCHEMA:
                self._add_schema(content)
            elif opcode == CHANNEL:
                self._add_channel(content)
                if not all(topic.type for topic in self.connections.values()):
                    raise DamagedError("a topic's type is not in the summary")
            elif opcode == CHUNK_INDEX:
                self._stretches.append(_indexed_chunk(content))
            elif opcode == STATISTICS:
                stored = Cursor(content).number("Q")
        return stored

    def _chunks_are_there(self, file: BinaryIO) -> bool:
        """Whether most chunks of the index stand where it says; those that do not are dropped when they are read."""
        return 2 * sum(self._is_chunk(file, stretch) for stretch in self._stretches) > len(self._stretches)

    def _is_chunk(self, file: BinaryIO, stretch: _Stretch) -> bool:
        if stretch.position + stretch.length > self._end:
            return False
        file.seek(stretch.position)
        return file.read(RECORD_HEADER.size) == RECORD_HEADER.pack(CHUNK, stretch.length - RECORD_HEADER.size)

    # Without a summary

    def _scan(self, file: BinaryIO) -> None:
        """Walk through all records for topics and for what stands where; what is damaged is passed over."""
        position = run_start = len(MAGIC)
        run_ns = FOREVER_NS
        while position < self._end:
            file.seek(position)
            header = file.read(RECORD_HEADER.size + MESSAGE_HEADER.size)
            opcode, length = RECORD_HEADER.unpack_from(header.ljust(RECORD_HEADER.size, b"\0"))
            if LAST_RECORDS.get(opcode) == length:
                break
            following = position + RECORD_HEADER.size + length
            is_damaged = following > self._end or opcode == 0 or LAST_OPCODE < opcode < FIRST_PRIVATE_OPCODE
            if is_damaged or opcode == CHUNK or length > (MAX_BYTES if opcode == MESSAGE else RUN_BYTES):
                self._add_run(run_start, position, run_ns)
                run_start, run_ns = following, FOREVER_NS
            if is_damaged:
                following = run_start = self._next_chunk(file, position + 1)
                lost = 0 if opcode == CHUNK else following - position  # of a chunk it is counted when it is read
                self.damage.add(f"{self.path.name}: cut or damaged at byte {position} of {self._end}", lost)
            if opcode == CHUNK:
                self._scan_chunk(file, position, following - position, is_cut=is_damaged)
            elif opcode == MESSAGE and not is_damaged:
                if length > MAX_BYTES:
                    self.damage.add(f"{self.path.name}: message of {length} bytes", length, dropped_messages=1)
                elif length >= MESSAGE_HEADER.size:
                    run_ns = min(run_ns, MESSAGE_HEADER.unpack_from(header, RECORD_HEADER.size)[2])
            elif opcode in (SCHEMA, CHANNEL) and length <= MAX_NAMES_BYTES and not is_damaged:
                file.seek(position + RECORD_HEADER.size)
                self._scan_names([(opcode, file.read(length))])
            position = following
            if position - run_start > RUN_BYTES:
                self._add_run(run_start, position, run_ns)
                run_start, run_ns = position, FOREVER_NS
        else:
            self.damage.add(f"{self.path.name}: ends without an index; its recording was not closed")
        self._add_run(run_start, position, run_ns)

    def _next_chunk(self, file: BinaryIO, position: int) -> int:
        """Where the next chunk begins, at ``position`` or after; the end of the file without one."""
        while position < self._end:
            file.seek(position)
            block = file.read(SEARCH_BYTES)
            for match in CHUNK_BEGINNING.finditer(block):
                length, stored = (int.from_bytes(match[name], "little") for name in ("length", "stored"))
                if length == CHUNK_HEADER.size - 4 + len(match["name"]) + 8 + stored:
                    return position + match.start()
            position += max(len(block) - MAX_BEGINNING_BYTES, 1)
        return self._end

    def _add_run(self, start: int, end: int, start_ns: int) -> None:
        if start_ns < FOREVER_NS:
            self._stretches.append(_Stretch(start, end - start, start_ns, is_chunk=False, size=end - start))

    def _scan_chunk(self, file: BinaryIO, position: int, length: int, is_cut: bool) -> None:
        try:
            records, start_ns, _ = _read_chunk(file, position, length)
        except DamagedError:
            start_ns, size = 0, 0  # it is counted when it is read
        else:
            size = len(records)
            self._scan_names([record for record in _whole_records(records) if record[0] in (SCHEMA, CHANNEL)])
        self._stretches.append(_Stretch(position, length, start_ns, is_chunk=True, size=size, is_cut=is_cut))

    def _scan_names(self, records: Sequence[tuple[int, Buffer]]) -> None:
        for opcode, content in records:
            try:
                (self._add_schema if opcode == SCHEMA else self._add_channel)(content)
            except DamagedError as error:
                self.damage.add(f"{self.path.name}: a topic's name is damaged: {error}")

    # Records

    def _add_schema(self, content: Buffer) -> None:
        cursor = Cursor(content)
        number = cursor.number("H")
        self._schemas.setdefault(number, (cursor.text(), cursor.text(), cursor.text()))

    def _add_channel(self, content: Buffer) -> None:
        cursor = Cursor(content)
        number, schema = cursor.numbers("HH")
        topic, encoding, metadata = cursor.text(), cursor.text(), bytes(cursor.sized())
        name, kind, text = self._schemas.get(schema, ("", "", ""))
        self.connections.setdefault(
            number,
            Topic(
                name=topic,
                type=ros2_type(name),
                encoding=encoding,
                definition=text if kind in ("ros1msg", "ros2msg") else "",
                is_latched=is_transient_local(metadata.decode("utf-8", "replace")),
            ),
        )

    def _load(self, file: BinaryIO, wanted: frozenset[int], damage: Damage, stretch: _Stretch) -> list[Message]:
        if not stretch.is_chunk:
            file.seek(stretch.position)
            records, is_whole = file.read(stretch.length), True
        else:
            try:
                if not (stretch.is_cut or self._is_chunk(file, stretch)):
                    raise DamagedError("its record is damaged")
                records, _, is_whole = _read_chunk(file, stretch.position, stretch.length)
            except DamagedError as error:
                damage.add(f"{self.path.name}: chunk at byte {stretch.position}: {error}", dropped_bytes=stretch.length)
                return []
        messages = []
        end = 0
        for opcode, content in _whole_records(records):
            end += RECORD_HEADER.size + len(content)
            if opcode == MESSAGE and len(content) >= MESSAGE_HEADER.size:
                channel, _, time_ns, _ = MESSAGE_HEADER.unpack_from(content)
                if channel in wanted:
                    messages.append(Message(time_ns, channel, content[MESSAGE_HEADER.size :]))
        if end < len(records) or not is_whole:
            damage.add(
                f"{self.path.name}: chunk at byte {stretch.position} is cut or damaged after {end} bytes",
                dropped_bytes=len(records) - end,
            )
        return messages


def _indexed_chunk(content: Buffer) -> _Stretch:
    cursor = Cursor(content)
    start_ns, _, position, length = cursor.numbers("QQQQ")
    offsets = cursor.sized()
    if len(offsets) % 10:
        raise DamagedError("index of a chunk")
    channels = frozenset(channel for channel, _ in struct.iter_unpack("<HQ", offsets))
    cursor.number("Q")
    cursor.text()
    _, size = cursor.numbers("QQ")
    if length <= RECORD_HEADER.size:
        raise DamagedError("length of a chunk")
    return _Stretch(position, length, start_ns, is_chunk=True, size=size, channels=channels or None)


def _read_chunk(file: BinaryIO, position: int, length: int) -> tuple[Buffer, int, bool]:
    """A chunk's records, the time of its first message, and whether the chunk is whole. Raises DamagedError."""
    file.seek(position + RECORD_HEADER.size)
    if not RECORD_HEADER.size <= length <= MAX_BYTES:
        raise DamagedError(f"has {length} bytes; one piece may have {MAX_BYTES}")
    content = memoryview(file.read(length - RECORD_HEADER.size))
    if len(content) < CHUNK_HEADER.size:
        raise DamagedError("is cut")
    start_ns, _, size, crc, _ = CHUNK_HEADER.unpack_from(content)
    cursor = Cursor(content, CHUNK_HEADER.size - 4)
    compression = cursor.text()
    stored = cursor.number("Q")
    is_cut = stored > cursor.left
    records, is_whole = decompress(cursor.octets(min(stored, cursor.left)), compression, size)
    if is_whole and crc and crc32(records) != crc:
        raise DamagedError("its checksum does not fit")
    if not is_whole and not is_cut:
        raise DamagedError(f"holds {len(records)} bytes, expected {size}")
    return records, start_ns, is_whole


def _records(data: Buffer) -> Iterator[tuple[int, memoryview]]:
    """The records in ``data``. Raises DamagedError at one that is not whole."""
    view, position = memoryview(data), 0
    while position < len(view):
        if len(view) - position < RECORD_HEADER.size:
            raise DamagedError("ends inside a record")
        opcode, length = RECORD_HEADER.unpack_from(view, position)
        position += RECORD_HEADER.size
        if length > len(view) - position:
            raise DamagedError("ends inside a record")
        yield opcode, view[position : position + length]
        position += length


def _whole_records(data: Buffer) -> Iterator[tuple[int, memoryview]]:
    """The records in ``data`` before the first that is not whole."""
    try:
        yield from _records(data)
    except DamagedError:
        return
