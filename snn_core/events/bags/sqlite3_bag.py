"""SQLite files, the storage of rosbag2 until Humble, through Python's own sqlite3.

A file that is cut or damaged is read as far as SQLite finds its way; a write-ahead log that a killed recorder left
beside it is read too.

Source: "Database File Format", https://www.sqlite.org/fileformat2.html; tables of rosbag2_storage_sqlite3.
"""

import sqlite3
import struct
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from snn_core.errors import UserError
from snn_core.events.bags.decompression import MAX_BYTES
from snn_core.events.bags.storage import Damage, Message, Topic, is_transient_local, one_line, ros2_type

MAGIC = b"SQLite format 3\0"
LAST_ID = 2**63 - 1
SINGLE_STEPS = 16
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)  # the second where an error's text quotes a damaged schema


class Sqlite3File:
    """One .db3 file; a ``StorageFile``. Raises UserError where it is none, or nothing of it can be read."""

    format = "rosbag2 sqlite3"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = Damage()
        self.fraction_read = 0.0
        self._size = path.stat().st_size
        self._is_cut = self._find_cut()
        # "immutable" needs no lock and no place to write, but passes the log over.
        self._options = "mode=ro" if self._has_log() else "mode=ro&immutable=1"
        try:
            with closing(self._connect()) as database:
                self.connections = _read_topics(database)
                self._index = _index(database)
                self._last_number = _last_number(database)
        except SQLITE_ERRORS as error:
            reason = one_line(error)
            raise UserError(f"{path}: not a rosbag2 file, or its topics are damaged: {reason}") from error

    def messages(self, wanted: Collection[int], damage: Damage) -> Iterator[Message]:
        last = (-LAST_ID, 0)
        with closing(self._connect()) as database:
            if not self._is_cut:
                try:
                    for number, message in self._ordered(database, wanted):
                        last = (message.time_ns, number)
                        self.fraction_read = min(number / self._last_number, 1.0)
                        yield message
                    return
                except SQLITE_ERRORS as error:
                    damage.add(f"{self.path.name}: {error}; read past it")
            yield from self._salvage(database, wanted, last, damage)

    def _has_log(self) -> bool:
        """Whether a write-ahead log lies beside the file, and can be read."""
        log = self.path.with_name(self.path.name + "-wal")
        if not log.exists() or not log.stat().st_size:
            return False
        self._options = "mode=ro"
        try:
            with closing(self._connect()) as database:
                database.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except SQLITE_ERRORS as error:
            note = f"{log.name}: cannot be read: {error}; messages in it are missing, copy both to a folder of yours"
            self.damage.add(note, dropped_bytes=log.stat().st_size)
            return False
        return True

    def _find_cut(self) -> bool:
        """Whether the file has fewer pages than it says."""
        with self.path.open("rb") as file:
            header = file.read(100)
        if not header.startswith(MAGIC):
            raise UserError(f"{self.path}: not an SQLite file; expected a rosbag2, which begins with {MAGIC!r}")
        if len(header) < 100:
            raise UserError(f"{self.path}: holds only {len(header)} bytes; expected a whole file, copy it again")
        (page_size,) = struct.unpack_from(">H", header, 16)
        (pages,) = struct.unpack_from(">I", header, 28)
        size = pages * (65536 if page_size == 1 else page_size)
        if self._size < size:
            note = f"{self.path.name}: cut at byte {self._size} of {size}"
            self.damage.add(note, dropped_bytes=size - self._size)
        return self._size < size

    def _connect(self) -> sqlite3.Connection:
        location = f"file:{quote(str(self.path.absolute()))}?{self._options}"
        database = sqlite3.connect(location, uri=True, check_same_thread=False, isolation_level=None)
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BYTES)
        if self._is_cut:
            # SQLite opens no file that is cut, unless its schema may be repaired; nothing is written all the same.
            database.execute("PRAGMA writable_schema = 1")
        return database

    def _ordered(self, database: sqlite3.Connection, wanted: Collection[int]) -> Iterator[tuple[int, Message]]:
        """Numbers of rows and messages in order of time. Raises sqlite3.Error at the first that is damaged."""
        size = 0
        query = f"SELECT id, timestamp, topic_id, data FROM messages {self._index}"
        query += f" WHERE topic_id IN ({', '.join(map(str, wanted))}) ORDER BY timestamp, id"
        for row in database.execute(query):
            message = _message(row)
            if message is None or size > self._size:  # a damaged tree may lead to the same rows again and again
                raise sqlite3.DatabaseError(f"message {row[0]} is none")
            size += len(message.data)
            yield row[0], message

    def _salvage(
        self, database: sqlite3.Connection, wanted: Collection[int], last: tuple[int, int], damage: Damage
    ) -> Iterator[Message]:
        """The readable messages after ``last``, a time and a number, as they stand in the file.

        A row that cannot be reached is stepped over, by ever more rows while none can be.
        """
        query = "SELECT id, timestamp, topic_id, data FROM messages WHERE id >= ? ORDER BY id"
        following, skips = 1, 0  # the next row's number if none is lost; failures since the last row
        while following + _step(skips) < LAST_ID:
            try:
                for row in database.execute(query, (following + _step(skips),)):
                    number, message = row[0], _message(row)
                    if not isinstance(number, int) or number < following:
                        raise sqlite3.DatabaseError("rows are out of order")
                    if skips or message is None:
                        lost = number - following + (message is None)
                        note = f"{self.path.name}: {lost} messages from number {following} on are damaged"
                        damage.add(note, dropped_messages=lost)
                    following, skips = number + 1, 0
                    if message and message.connection in wanted and (message.time_ns, number) > last:
                        self.fraction_read = min(number / self._last_number, 1.0)
                        yield message
            except SQLITE_ERRORS:
                skips += 1
            else:
                break
        if skips:
            damage.add(f"{self.path.name}: no message from number {following} on can be reached")


def _step(skips: int) -> int:
    """How many rows to step over after so many failures."""
    return skips if skips < SINGLE_STEPS else 2 ** (skips - SINGLE_STEPS) * SINGLE_STEPS


def _read_topics(database: sqlite3.Connection) -> dict[int, Topic]:
    columns = {row[1] for row in database.execute("PRAGMA table_info(topics)")}
    qos = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
    topics = {}
    for row in database.execute(f"SELECT id, name, type, serialization_format, {qos} FROM topics"):
        number, name, kind, encoding, profiles = row
        if isinstance(number, int) and isinstance(name, str) and isinstance(kind, str):
            is_latched = isinstance(profiles, str) and is_transient_local(profiles)
            topics[number] = Topic(name, ros2_type(kind), str(encoding), is_latched=is_latched)
    return topics


def _index(database: sqlite3.Connection) -> str:
    """Names rosbag2's index of times, so that SQLite does not sort messages by itself, which takes space on disk."""
    names = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'messages' AND name = 'timestamp_idx'"
    return "INDEXED BY timestamp_idx" if database.execute(names).fetchall() else ""


def _last_number(database: sqlite3.Connection) -> int:
    """The largest number of a message, or one that is larger where that one cannot be reached."""
    try:
        (number,) = database.execute("SELECT max(id) FROM messages").fetchone()
    except SQLITE_ERRORS:
        number = None
    return number if isinstance(number, int) and number > 0 else LAST_ID


def _message(row: tuple) -> Message | None:
    """The message of a row; None where a value is not of its column's type."""
    number, time_ns, topic, data = row
    if isinstance(number, int) and isinstance(time_ns, int) and isinstance(topic, int) and isinstance(data, bytes):
        return Message(time_ns, topic, data)
    return None
