"""Damaged .npz files: what disks, networks and editors do to one, and what no checksum tells."""

import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np

from snn_core.errors import UserError

LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
# Of the fields in the header before a member and in the archive's index: place in both, and format.
FLAGS, METHOD, VERSION = ((6, 8), "<H"), ((8, 10), "<H"), ((4, 6), "<H")
CHECKSUM, PACKED, UNPACKED = ((14, 16), "<I"), ((18, 20), "<I"), ((22, 24), "<I")
SIZES = (0, 1, 0xFFFF, 1 << 31, 0xFFFFFFFE, 0xFFFFFFFF)
HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (4294967296, 4294967296), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 40 + ",), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -4), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    "{'descr': '|S2147483647', 'fortran_order': False, 'shape': (7,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (4,), }",
    "{'descr': (), 'fortran_order': False, 'shape': (4,), }",
    "{'descr': [('a', '<f4'), ('a', '<f4')], 'fortran_order': False, 'shape': (4,), }",
    "{'descr': [('a', '<f4', (99999, 99999, 99999))], 'fortran_order': False, 'shape': (4,), }",
    "{'descr': [[]], 'fortran_order': False, 'shape': (4,), }",
    "{'descr': 1e999, 'fortran_order': False, 'shape': (True,), }",
    "{'descr': '<M8[7foo]', 'fortran_order': False, 'shape': (4,), }",
    "{'descr': '\\ud800', 'fortran_order': 2L, 'shape': (4L,), }",
    "(" * 1000,
    "-" * 5000 + "1",
    "'''",
    "",
)


def refusals(path: Path, damaged: Iterable[bytes], read: Callable[[], object]) -> int:
    """How many of the damaged files ``read`` refuses in one line that names ``path``; it may take others."""
    messages = []
    for data in damaged:
        path.unlink(missing_ok=True)  # some file systems take long to write over a file
        path.write_bytes(data)
        try:
            read()
        except UserError as error:
            messages.append(str(error))
    assert [message for message in messages if "\n" in message or not message.startswith(f"{path}: ")] == []
    return len(messages)


def _members(data: bytes) -> list[tuple[int, int]]:
    """Where the header of each member and its entry in the index begin."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        local = [member.header_offset for member in archive.infolist()]
        at, central = archive.start_dir, []
    for _ in local:
        central.append(at)
        at = data.index(CENTRAL, at + 1) if CENTRAL in data[at + 1 :] else at
    return list(zip(local, central, strict=True))


def change_headers(data: bytes, member: int, field: tuple, change: Callable[[int], int]) -> bytes:
    """The archive with one field of a member changed in the header before it and in the index alike."""
    damaged = bytearray(data)
    places, form = field
    for begin, place in zip(_members(data)[member], places, strict=True):
        (value,) = struct.unpack_from(form, damaged, begin + place)
        struct.pack_into(form, damaged, begin + place, change(value) & (1 << 8 * struct.calcsize(form)) - 1)
    return bytes(damaged)


def encrypted(data: bytes, member: int = 0) -> bytes:
    """The archive with the flag "is encrypted" set in both headers of a member."""
    return change_headers(data, member, FLAGS, lambda flags: flags | 1)


def rewrite(data: bytes, member: int, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with other content of one member, and with checksums that are right."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as archive, zipfile.ZipFile(made, "w") as other:
        for place, info in enumerate(archive.infolist()):
            content = archive.read(info)
            other.writestr(zipfile.ZipInfo(info.filename), change(content) if place == member else content)
    return made.getvalue()


def with_header(content: bytes, header: str) -> bytes:
    """A .npy file with another header before the same numbers."""
    begin = 10 + int.from_bytes(content[8:10], "little")
    text = header.encode("latin1", "replace") + b"\n"
    return content[:8] + struct.pack("<H", len(text)) + text + content[begin:]


def fuzz(path: Path, n: int, read: Callable[[], object]) -> int:
    """How many of n damaged versions of the file at ``path`` are refused; half of them have right checksums."""
    damage = Damage(path.read_bytes(), seed=n)
    return refusals(path, chain(damage.checked(n // 2), damage.unchecked(n // 2)), read)


class Damage:
    """Draws one damage after another to the archive ``data``."""

    def __init__(self, data: bytes, seed: int) -> None:
        self.data = data
        self._rng = np.random.default_rng(seed)
        self._n_members = len(_members(data))

    def checked(self, n: int) -> Iterator[bytes]:
        """n files with damage that the archive's checksums tell, or that leaves the arrays as they were."""
        kinds = (self._flipped, self._cut, self._joined, self._headers_changed)
        for _ in range(n):
            yield kinds[self._rng.integers(len(kinds))]()

    def unchecked(self, n: int) -> Iterator[bytes]:
        """n files with damage to a member under a checksum that is right: arrays may then differ."""
        kinds = (self._other_header, self._shortened, self._lengthened, self._header_flipped, self._flip)
        for _ in range(n):
            member, kind = int(self._rng.integers(self._n_members)), int(self._rng.integers(len(kinds)))
            yield rewrite(self.data, member, kinds[kind])

    def _other_header(self, content: bytes) -> bytes:
        return with_header(content, HEADERS[self._rng.integers(len(HEADERS))])

    def _shortened(self, content: bytes) -> bytes:
        return content[: self._rng.integers(len(content))]

    def _lengthened(self, content: bytes) -> bytes:
        return content + bytes(int(self._rng.integers(1, 9)))

    def _header_flipped(self, content: bytes) -> bytes:
        return self._flip(content[:128]) + content[128:]

    def _flip(self, data: bytes) -> bytes:
        damaged = bytearray(data)
        for at in self._rng.integers(0, len(data), self._rng.integers(1, 5)):
            one_bit = damaged[at] ^ 1 << int(self._rng.integers(8))
            damaged[at] = one_bit if self._rng.random() < 0.5 else int(self._rng.integers(256))
        return bytes(damaged)

    def _flipped(self) -> bytes:
        return self._flip(self.data)

    def _cut(self) -> bytes:
        begin, end = sorted(self._rng.integers(0, len(self.data), 2))
        return self.data[:end] if self._rng.random() < 0.5 else self.data[:begin] + self.data[end:]

    def _joined(self) -> bytes:
        """A piece of the file once more, or of zeros, in the middle of it."""
        begin, end, at = self._rng.integers(0, len(self.data), 3)
        piece = self.data[begin:end] if self._rng.random() < 0.5 else bytes(int(self._rng.integers(1, 600)))
        return self.data[:at] + piece + self.data[at:]

    def _headers_changed(self) -> bytes:
        """One field in both headers of a member, so that they agree."""
        fields = (FLAGS, METHOD, VERSION, CHECKSUM, PACKED, UNPACKED)
        field, member = fields[self._rng.integers(len(fields))], int(self._rng.integers(self._n_members))
        if field in (PACKED, UNPACKED) and self._rng.random() < 0.5:
            size = SIZES[self._rng.integers(len(SIZES))]
            return change_headers(self.data, member, field, lambda _: size)
        if field is METHOD and self._rng.random() < 0.7:
            method = int(self._rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 93, 98]))
            return change_headers(self.data, member, field, lambda _: method)
        return change_headers(self.data, member, field, lambda value: value ^ 1 << int(self._rng.integers(16)))
