"""Make the CMake files of the ROS wheels name this machine's Python and NumPy headers.

The wheels' CMake exports name the header folders of the machine that built them (/opt/python/cp311-cp311/...), which
CMake refuses to take over when they do not exist.
"""

from __future__ import annotations

import re
from pathlib import Path

BUILD_MACHINE = r"/opt/python/cp\d+-cp\d+/"
PYTHON_HEADERS = re.compile(BUILD_MACHINE + r"include/python3\.\d+(?![\w.])")
NUMPY_HEADERS = re.compile(BUILD_MACHINE + r"lib/python3\.\d+/site-packages/numpy/_core/include(?!\w)")


def fix(prefix: Path, python_headers: str, numpy_headers: str) -> list[Path]:
    """Replace both folders in every CMake file below ``prefix``/share; the files changed (none when all are right)."""
    changed = []
    for path in sorted((prefix / "share").rglob("*.cmake")):
        text = path.read_text(encoding="utf-8")
        fixed = PYTHON_HEADERS.sub(lambda _: python_headers, text)
        fixed = NUMPY_HEADERS.sub(lambda _: numpy_headers, fixed)
        if fixed != text:
            # A new file in the old one's place: the old one may be a hard link into the installer's cache.
            temporary = path.with_name(path.name + ".new")
            temporary.write_text(fixed, encoding="utf-8")
            temporary.replace(path)
            changed.append(path)
    return changed
