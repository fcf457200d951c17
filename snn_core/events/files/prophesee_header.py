"""The text before the data of Prophesee's RAW and DAT files: lines of "% key value", at their end perhaps "% end".

Source: Prophesee, "RAW File Format" and "DAT File Format", https://docs.prophesee.ai/stable/data/file_formats/index.html
"""

from __future__ import annotations

import re
from pathlib import Path

from snn_core.events.files.limits import MAX_TIME

MAX_BYTES = 2**20

GEN3, GEN4, VGA_SONY, GENX320 = (640, 480), (1280, 720), (640, 512), (320, 320)
# The sensors of Prophesee's systems, by the header's system_ID. Source: openeb, hal_psee_plugins, device_system_id.h.
SYSTEMS = {
    **dict.fromkeys((0x15, 0x17, 0x19, 0x1C, 0x1D, 0x21, 0x22, 0x23, 0x28, 0x29, 0x97, 0x99, 0xA1, 0xA2), GEN3),
    **dict.fromkeys((0x1A, 0x1E, 0x1F, 0x20, 0x27, 0x2E, 0x30, 0x31, 0x32, 0x35, 0x3A, 0x42, 0x9A), GEN4),
    **dict.fromkeys((0x34, 0x36), VGA_SONY),
    **dict.fromkeys((0x3B, 0x40), GENX320),
}
# Words in the names of sensors and plugins, the more particular ones first.
NAMES = (
    ("genx320", GENX320),
    ("imx636", GEN4),
    ("imx646", GEN4),
    ("imx637", VGA_SONY),
    ("imx647", VGA_SONY),
    ("gen4", GEN4),
    ("gen3", GEN3),
    ("gen1", (304, 240)),
)


class Header:
    """The keys of a header; they are looked up whatever their case.

    comments: the lines whole, without "% ". size_bytes: bytes of the header: the data begin there.
    """

    def __init__(self, path: Path) -> None:
        self.comments: list[str] = []
        self.size_bytes = 0
        self._values: dict[str, str] = {}
        with path.open("rb") as file:
            # Data can begin with a "%" too, but not go on like a line of text.
            while self.size_bytes < MAX_BYTES and (line := file.readline(MAX_BYTES)).startswith(b"%"):
                text = line.decode("latin-1").rstrip("\r\n")
                if not line.endswith(b"\n") or not text.replace("\t", " ").isprintable():
                    break
                self.size_bytes += len(line)
                key, _, value = text[1:].strip().partition(" ")
                if key.lower() == "end" and not value:
                    break
                self.comments.append(text[1:].strip())
                self._values.setdefault(key.lower(), value.strip())

    def get(self, *keys: str) -> str:
        """The value of the first of the keys that is there, else ""."""
        return next((value for key in keys if (value := self._values.get(key.lower(), ""))), "")

    def number(self, key: str, base: int = 0) -> int | None:
        """A key's whole number; None where there is none."""
        value = self.get(key)
        return int(value, base) if re.fullmatch(r"-?(0x[0-9a-fA-F]+|[0-9]+)", value) else None

    @property
    def t0(self) -> int:
        """What is to be added to the times of the data, us: a key of faery's and of the writers here."""
        t0 = self.number("t0") or 0
        return t0 if abs(t0) < MAX_TIME else 0

    @property
    def format(self) -> tuple[str, dict[str, str]]:
        """Name and options of the key "format", as in "EVT3;height=720;width=1280"."""
        name, *options = (part.strip() for part in self.get("format").split(";"))
        return name, dict(option.split("=", 1) for option in options if "=" in option)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, pixels, where the header gives them."""
        _, options = self.format
        texts = (
            (options.get("width", ""), options.get("height", "")),
            re.split(r"\s*[xX*, ]\s*", self.get("geometry")),
            (self.get("width"), self.get("height")),
        )
        for sides in texts:
            if len(sides) == 2 and all(side.isdecimal() and int(side) > 0 for side in sides):
                return int(sides[0]), int(sides[1])
        return None

    @property
    def sensor_size(self) -> tuple[tuple[int, int], str] | None:
        """Width and height, pixels, of the sensor that other keys name, and the key that does."""
        for key in ("sensor_name", "plugin_name", "camera_name"):
            name = self.get(key).lower().replace(" ", "")
            for word, size in NAMES:
                if word in name:
                    return size, key
        for key in ("sensor_generation", "generation"):
            size = {"1": (304, 240), "3": GEN3, "4": GEN4}.get(self.get(key).partition(".")[0])
            if size:
                return size, key
        system = self.number("system_ID")
        return (SYSTEMS[system], "system_ID") if system in SYSTEMS else None

    @property
    def camera(self) -> str:
        """The camera's name, or maker, sensor and serial number, as far as they are there."""
        if named := self.get("camera_name"):
            return named
        plugin = self.get("plugin_name").removeprefix("hal_plugin_")
        generation = self.get("sensor_generation", "generation")
        sensor = self.get("sensor_name") or plugin or (f"Gen{generation}" if generation else "")
        parts = (self.get("camera_integrator_name", "integrator_name"), sensor, self.get("serial_number"))
        return " ".join(part for part in parts if part)
