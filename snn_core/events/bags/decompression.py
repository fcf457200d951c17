"""Decompression that allocates no more than it is allowed to, and gives what there is of a stream that is cut."""

import bz2
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import lz4.frame

from snn_core.events.bags.cursor import Buffer, DamagedError
from snn_core.events.files.zstandard import MAGIC as ZSTD_MAGIC
from snn_core.events.files.zstandard import library as zstd

MAX_BYTES = 2**28  # of one chunk or message, decompressed
READ_BYTES = 2**14  # of a file at once: damage costs no more of what lies before it
BLOCK_BYTES = 2**20

LIBRARY_ERRORS = (zstd.ZstdError, OSError, RuntimeError, ValueError, EOFError)

_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "zstd": zstd.ZstdDecompressor,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "bz2": bz2.BZ2Decompressor,
}


class Decompressed(NamedTuple):
    """Decompressed bytes, and whether the compressed stream was whole."""

    data: Buffer
    is_whole: bool


def decompress(data: Buffer, compression: str, size: int | None = None) -> Decompressed:
    """Decompress one stream.

    compression: "", "none", "zstd", "lz4" or "bz2".
    size: the bytes that are to come out, where it is known.

    Raises DamagedError for a damaged stream, another compression, and more than ``size`` or ``MAX_BYTES`` bytes.
    """
    limit = MAX_BYTES if size is None else size
    if limit > MAX_BYTES:
        raise DamagedError(f"{size} bytes are more than the {MAX_BYTES} that one piece may have")
    if compression in ("", "none"):
        if len(data) > limit:
            raise DamagedError(f"holds {len(data)} bytes, expected {limit}")
        return Decompressed(data, size is None or len(data) == size)
    if compression not in _DECOMPRESSORS:
        raise DamagedError(f"compression {compression!r} is unknown; expected one of: {', '.join(_DECOMPRESSORS)}")
    decompressor = _DECOMPRESSORS[compression]()
    try:
        whole = decompressor.decompress(data, max_length=limit)
        if not decompressor.eof and len(whole) == limit and decompressor.decompress(b"", max_length=1):
            raise DamagedError(f"holds more than {limit} bytes")
    except LIBRARY_ERRORS as error:
        raise DamagedError(f"{compression} stream is damaged: {error}") from error
    return Decompressed(whole, bool(decompressor.eof) and (size is None or len(whole) == size))


def decompress_message(data: Buffer) -> Buffer:
    """A message as it was before rosbag2 compressed it, if it did.

    A CDR message begins with a zero, a zstd frame does not: no metadata is needed to tell them apart.

    Raises DamagedError.
    """
    if bytes(data[:4]) != ZSTD_MAGIC:
        return data
    message = decompress(data, "zstd")
    if not message.is_whole:
        raise DamagedError("zstd stream of a message is cut")
    return message.data


def decompress_file(file: BinaryIO) -> Iterator[bytes]:
    """What a zstd file holds, piece by piece. Raises DamagedError at the first damage, and at the end if it is cut."""
    decompressor, data, is_whole = zstd.ZstdDecompressor(), b"", True
    while data or not decompressor.needs_input or (data := file.read(READ_BYTES)):
        try:
            block = decompressor.decompress(data, max_length=BLOCK_BYTES)
        except zstd.ZstdError as error:
            raise DamagedError(f"zstd stream is damaged: {error}") from error
        is_whole, data = decompressor.eof, b""
        if is_whole:  # another frame may follow
            decompressor, data = zstd.ZstdDecompressor(), decompressor.unused_data
        if block:
            yield block
    if not is_whole:
        raise DamagedError("zstd stream is cut")
