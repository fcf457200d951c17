"""Zstandard frames: Python's own module from 3.14 on, before that its backport."""

import sys
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd as _library
else:
    from backports import zstd as _library

MAGIC = b"\x28\xb5\x2f\xfd"
library: Any = _library


def decompress_frame(data: bytes | memoryview, max_bytes: int) -> bytes | None:
    """What one frame holds; None where it is cut, damaged or of more than ``max_bytes``."""
    decompressor = library.ZstdDecompressor()
    try:
        content = decompressor.decompress(data, max_length=max_bytes)
    except (library.ZstdError, MemoryError):
        return None
    return content if decompressor.eof else None
