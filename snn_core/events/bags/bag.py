"""A bag: one file, or a folder of files that follow each other, told by content."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from snn_core.errors import UserError
from snn_core.events.bags import mcap_bag, rosbag1, sqlite3_bag
from snn_core.events.bags.cursor import Buffer, DamagedError
from snn_core.events.bags.decompression import ZSTD_MAGIC, decompress_file, decompress_message
from snn_core.events.bags.storage import Damage, StorageFile, Topic
from snn_core.files import read_yaml

READERS: dict[bytes, Callable[[Path], StorageFile]] = {
    sqlite3_bag.MAGIC: sqlite3_bag.Sqlite3File,
    mcap_bag.MAGIC: mcap_bag.McapFile,
    rosbag1.MAGIC: rosbag1.Rosbag1File,
}
MAGIC_BYTES = max(map(len, READERS))
METADATA = "metadata.yaml"
STORAGE_NAME = re.compile(r"(?P<stem>.*?)(_(?P<number>\d+))?\.(db3|mcap)(\.zstd)?")
SPARE_BYTES = 2**28  # of the disk that decompression leaves free


class BagMessage(NamedTuple):
    """A message of a bag as it was recorded: when (ns), on which topic, and its bytes, not compressed."""

    time_ns: int
    topic: Topic
    data: Buffer


def is_bag(path: Path) -> bool:
    """Whether ``path`` is a bag: a file that begins as one, or a folder with rosbag2's metadata or files.

    Raises UserError where it cannot be read.
    """
    try:
        if path.is_dir():
            return (path / METADATA).is_file() or any(STORAGE_NAME.fullmatch(entry.name) for entry in path.iterdir())
        return path.name == METADATA or _beginning(path).startswith(tuple(READERS))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; expected a recording") from error


class Bag:
    """A bag that is open for reading; a context manager. Files are opened as they are read.

    path: a .db3, .mcap (or one of these with .zstd) or .bag file, the folder of a rosbag2, or its metadata.yaml.

    format: "rosbag2 sqlite3", "rosbag2 MCAP" or "ROS 1 bag".
    topics: all topics, by name and type.
    damage: what was found missing or damaged so far; reset with each reading.

    Raises UserError where nothing can be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._found = Damage()
        self._scratch: tempfile.TemporaryDirectory | None = None
        try:
            self._files = self._open_files(self._list_files())
        except OSError as error:
            self.close()
            raise UserError(f"{self.path}: cannot be read: {error.strerror}; expected a bag") from error
        except BaseException:
            self.close()
            raise
        formats = {file.format: None for file in self._files.values()}
        self.format = ", ".join(formats)
        self.topics = list(dict.fromkeys(topic for file in self._files.values() for topic in file.connections.values()))
        self.damage = self._damage_so_far()
        self._sizes = {path: path.stat().st_size for path in self._files}
        self._reading: Path | None = None
        self._bytes_read = 0

    @property
    def fraction_read(self) -> float:
        """How much of the files has been read since ``messages`` was called last, 0 to 1."""
        read = self._bytes_read
        if self._reading is not None:
            read += self._sizes[self._reading] * self._files[self._reading].fraction_read
        return read / max(sum(self._sizes.values()), 1)

    def messages(self, wanted: Callable[[Topic], bool]) -> Iterator[BagMessage]:
        """The messages of the topics that are ``wanted``, in order of time, file by file."""
        self.damage = self._damage_so_far()
        self._bytes_read = 0
        for path, file in self._files.items():
            topics = {number: topic for number, topic in file.connections.items() if wanted(topic)}
            self._reading, file.fraction_read = path, 0.0
            try:
                if topics:
                    self._plain_path(path)
                    yield from self._messages_of(path, file, topics)
            except OSError as error:
                raise UserError(f"{path}: cannot be read: {error.strerror}") from error
            self._reading = None
            self._bytes_read += self._sizes[path]

    def _messages_of(self, path: Path, file: StorageFile, topics: dict[int, Topic]) -> Iterator[BagMessage]:
        for message in file.messages(topics.keys(), self.damage):
            try:
                data = decompress_message(message.data)
            except DamagedError as error:
                self.damage.add(f"{path.name}: message at {message.time_ns} ns: {error}", dropped_messages=1)
            else:
                yield BagMessage(message.time_ns, topics[message.connection], data)

    def close(self) -> None:
        """Remove what was decompressed."""
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _damage_so_far(self) -> Damage:
        damage = Damage()
        damage.include(self._found)
        for file in self._files.values():
            damage.include(file.damage)
        return damage

    # Which files

    def _list_files(self) -> list[Path]:
        """The files of the bag in their order."""
        folder = self.path.parent if self.path.name == METADATA else self.path
        if not folder.is_dir():
            return [self.path]
        names = self._names_in_metadata(folder) if (folder / METADATA).is_file() else []
        files = [file for name in names if (file := self._existing(folder, name)) is not None]
        if not files:
            files = self._files_by_name(folder)
        if not files:
            raise UserError(f"{folder}: no .db3 or .mcap file in it; expected the folder of a rosbag2")
        return files

    def _names_in_metadata(self, folder: Path) -> list[str]:
        """The files that metadata.yaml lists; all else that it says, the files say too."""
        try:
            metadata: Any = read_yaml(folder / METADATA)
            return [str(name) for name in metadata["rosbag2_bagfile_information"]["relative_file_paths"]]
        except (KeyError, TypeError):
            self._found.add(f"{METADATA}: does not list the bag's files")
        except (ValueError, OverflowError, RecursionError) as error:  # numbers, dates and nesting that cannot be
            self._found.add(f"{METADATA}: is damaged: {error}")
        return []

    def _existing(self, folder: Path, name: str) -> Path | None:
        """The file of a name in the metadata, which may have been (de)compressed since, or have a folder before it."""
        name = Path(name).name
        for candidate in (name, name + ".zstd", name.removesuffix(".zstd")):
            if candidate and (folder / candidate).is_file():
                return folder / candidate
        self._found.add(f"{name}: is missing, though {METADATA} lists it")
        return None

    def _files_by_name(self, folder: Path) -> list[Path]:
        """The storage files in ``folder``, by the numbers at the ends of their names."""
        matches = {entry: STORAGE_NAME.fullmatch(entry.name) for entry in folder.iterdir() if entry.is_file()}
        found = sorted(
            (match["stem"], int(match["number"] or 0), entry) for entry, match in matches.items() if match is not None
        )
        if len({stem for stem, _, _ in found}) > 1:
            names = ", ".join(entry.name for _, _, entry in found[:20])
            raise UserError(f"{folder}: holds several bags and no {METADATA}; name one of its files: {names}")
        return [entry for _, _, entry in found]

    # Opening

    def _open_files(self, paths: list[Path]) -> dict[Path, StorageFile]:
        """Open each file; of several, those that cannot be read are left out. Raises UserError where none can be."""
        files = {}
        for path in paths:
            try:
                files[path] = self._open(path)
            except UserError as error:
                if len(paths) == 1:
                    raise
                self._found.add(str(error), dropped_bytes=path.stat().st_size)
        if not files:
            raise UserError(f"{self.path}: none of its {len(paths)} files can be read: {self._found.notes[0]}")
        return files

    def _open(self, path: Path) -> StorageFile:
        beginning = _beginning(path)
        for magic, reader in READERS.items():
            if beginning.startswith(magic):
                return reader(self._plain_path(path))
        raise UserError(f"{path}: not a bag; expected a rosbag2 (.db3, .mcap) or a ROS 1 bag (.bag)")

    def _plain_path(self, path: Path) -> Path:
        """``path``, or where the file is decompressed; of the bag's files one at a time is."""
        if not _is_compressed(path):
            return path
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="spikedrive-bag-")
        plain = Path(self._scratch.name, path.name.removesuffix(".zstd"))
        if not plain.exists():
            for other in Path(self._scratch.name).iterdir():
                other.unlink()
            self._decompress(path, plain)
        return plain

    def _decompress(self, path: Path, plain: Path) -> None:
        note = f"{path.name}: zstd stream is cut or damaged"
        try:
            with path.open("rb") as source, plain.open("wb") as target:
                for block in decompress_file(source):
                    if shutil.disk_usage(plain.parent).free < SPARE_BYTES:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    target.write(block)
        except DamagedError:
            if note not in self._found.notes:
                self._found.add(note)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be decompressed in {plain.parent}: {error.strerror}; set TMPDIR to a larger disk"
            ) from error


def _is_compressed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ZSTD_MAGIC)) == ZSTD_MAGIC


def _beginning(path: Path) -> bytes:
    """The first bytes of a file, decompressed; empty where they cannot be."""
    with path.open("rb") as file:
        beginning = file.read(MAGIC_BYTES)
        if not beginning.startswith(ZSTD_MAGIC):
            return beginning
        file.seek(0)
        try:
            return next(decompress_file(file))[:MAGIC_BYTES]
        except (DamagedError, StopIteration):
            return b""
