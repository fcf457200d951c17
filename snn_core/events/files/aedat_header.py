"""The lines that begin with "#" before the data of AEDAT 1 to 3 files."""

from __future__ import annotations

import re
from pathlib import Path

MAGIC = b"#!AER-DAT"
MAX_BYTES = 2**24
ENDS = ("!end-header", "end of ascii header")

# Sizes of sensors by words in the names of cameras, the more particular ones first; width and height, pixels.
SIZES = (
    ("davis240", (240, 180)),
    ("sbret", (240, 180)),
    ("davis346", (346, 260)),
    ("davishet640", (640, 480)),
    ("davis640", (640, 480)),
    ("davis128", (128, 128)),
    ("davis208", (208, 192)),
    ("sensdavis192", (208, 192)),
    ("cdavis", (640, 480)),
    ("scidvs", (112, 126)),
    ("dvxplorerlite", (320, 240)),
    ("dvxplorer", (640, 480)),
    ("dvs1280x720", (1280, 720)),
    ("dvs640", (640, 480)),
    ("dvs132s", (132, 104)),
    ("dvs128", (128, 128)),
    ("edvs", (128, 128)),
    ("tmpdiff128", (128, 128)),
)


class Header:
    """The header of an AEDAT file.

    version: as the first line has it, e.g. "2.0". lines: without "#".
    size_bytes: bytes of the header: the data begin there.
    """

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.size_bytes = 0
        with path.open("rb") as file:
            # The data can begin with a "#" too, but hardly go on like a line of text.
            while self.size_bytes < MAX_BYTES and (line := file.readline(MAX_BYTES)).startswith(b"#"):
                text = line.decode("latin-1").rstrip("\r\n")
                if not line.endswith(b"\n") or any(
                    character < 32 and character != 9 for character in line.rstrip(b"\r\n")
                ):
                    break
                self.size_bytes += len(line)
                self.lines.append(text[1:])
                if text[1:].strip().lower() in ENDS:
                    break
        self.version = self.lines[0].removeprefix("!AER-DAT").strip() if self.lines else ""

    def value(self, key: str) -> str:
        """What follows "key:" in the first line that has it, else ""."""
        for line in self.lines:
            match = re.match(rf"\s*{re.escape(key)}\s*:\s*(.*)", line, re.IGNORECASE)
            if match:
                return match[1].strip()
        return ""


def sensor_size(camera: str) -> tuple[int, int] | None:
    """Width and height, pixels, of a camera by its name."""
    name = re.sub(r"[^a-z0-9]", "", camera.lower())
    return next((size for word, size in SIZES if word in name), None)
