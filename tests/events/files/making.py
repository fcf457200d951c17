"""Files of the formats that are only read, made by hand, byte by byte, as their descriptions have it."""

import struct
from collections.abc import Iterable, Sequence

Row = tuple[int, int, int, int]
"""t, x, y, polarity."""
Run = list[tuple[int, int]]

AEDAT2_HEADER = (
    "#!AER-DAT2.0",
    "# This is a raw AE data file - do not edit",
    "# Data format is int32 address, int32 timestamp (8 bytes total), repeated for each event",
    "# Timestamps tick is 1 us",
    "# created Thu Dec 03 14:47:00 CET 2015",
)


def davis_address(x: int, y: int, polarity: int, width: int, height: int) -> int:
    """The address that jAER writes for a pixel whose x and y are counted from the upper left."""
    return (height - 1 - y) << 22 | (width - 1 - x) << 12 | polarity << 11


def dvs128_address(x: int, y: int, polarity: int) -> int:
    return (127 - y) << 8 | (127 - x) << 1 | (1 - polarity)


def aedat2(records: Iterable[tuple[int, int]], chip: str = "", end_of_header: bool = True) -> bytes:
    """AEDAT 2.0 of (address, time) records."""
    lines = [*AEDAT2_HEADER, *([f"# AEChip: {chip}"] if chip else []), *(["#End Of ASCII Header"] * end_of_header)]
    header = "".join(f"{line}\r\n" for line in lines).encode()
    return header + b"".join(struct.pack(">II", address, time % 2**32) for address, time in records)


def aedat1(records: Iterable[tuple[int, int]]) -> bytes:
    return b"#!AER-DAT1.0\r\n" + b"".join(struct.pack(">HI", address, time) for address, time in records)


def aedat3_packet(words: Sequence[tuple[int, int]], kind: int = 1, source: int = 1, overflows: int = 0) -> bytes:
    """A packet of polarity (1) or special (0) events of (word, time)."""
    n = len(words)
    head = struct.pack("<hhiiiiii", kind, source, 8, 4, overflows, n, n, n)
    return head + b"".join(struct.pack("<II", *word) for word in words)


def aedat3_compressed(words: Sequence[tuple[int, int]]) -> bytes:
    """A packet of polarity events in which times that three or more share stand once."""
    data = b""
    i = 0
    while i < len(words):
        same = i
        while same < len(words) and words[same][1] == words[i][1]:
            same += 1
        if same - i < 3:
            data += struct.pack("<II", *words[i])
            i += 1
            continue
        data += struct.pack("<II", words[i][0], words[i][1] | 2**31)
        data += struct.pack("<II", words[i + 1][0], same - i - 2)
        data += b"".join(struct.pack("<I", word) for word, _ in words[i + 2 : same])
        i = same
    n = len(words)
    return struct.pack("<Hhiiiiii", 0x8001, 1, 8, 4, 0, len(data), n, n) + data


def polarity_word(x: int, y: int, polarity: int, valid: int = 1) -> int:
    return x << 17 | y << 2 | polarity << 1 | valid


def aedat3(packets: Iterable[bytes], camera: str = "DVS128", version: str = "3.1") -> bytes:
    lines = [
        f"#!AER-DAT{version}",
        "#Format: RAW",
        f"#Source 1: {camera}",
        "#Start-Time: 2016-06-08 15:43:02 (TZ+0200)",
    ]
    if version != "3.0":
        lines.append("#!END-HEADER")
    return "".join(f"{line}\r\n" for line in lines).encode() + b"".join(packets)


def dat(rows: Iterable[Row], header: Sequence[str], kind: int | None = 12, bits: tuple[int, int] = (14, 14)) -> bytes:
    """DAT; ``kind`` None for a file of old, without type and size."""
    text = "".join(f"% {line}\n" for line in header).encode()
    x_bits, y_bits = bits
    events = (
        struct.pack("<II", t % 2**32, x | y << x_bits | polarity << (x_bits + y_bits)) for t, x, y, polarity in rows
    )
    return text + (b"" if kind is None else bytes([kind, 8])) + b"".join(events)


def event_stream(rows: Iterable[Row], width: int, height: int, kind: int = 1) -> bytes:
    """Event Stream of DVS (1) or ATIS (2) change events; y counted from above."""
    data = b"Event Stream" + bytes([2, 0, 0, kind]) + struct.pack("<HH", width, height)
    now = 0
    for t, x, y, polarity in rows:
        wait = t - now
        now = t
        if kind == 1:
            data += b"\xff" * (wait // 127) + bytes([wait % 127 << 1 | polarity])
        else:
            data += b"\xff" * (wait // 189) + (bytes([0xFC | wait % 189 // 63]) if wait % 189 >= 63 else b"")
            data += bytes([wait % 63 << 2 | polarity << 1])
        data += struct.pack("<HH", x, height - 1 - y)
    return data


def n_mnist(rows: Iterable[Row]) -> bytes:
    """Times of more than 23 bits are not possible; y of 240 is an overflow."""
    return b"".join(bytes([x, y]) + struct.pack(">I", polarity << 23 | t)[1:] for t, x, y, polarity in rows)


def ecf_times(times: Sequence[int]) -> bytes:
    """Times of an ECF chunk, the first one whole."""
    data = struct.pack("<q", times[0])
    now = times[0]
    for t, count in _runs(times):
        wait = t - now
        now = t
        if wait >= 15:
            while wait:
                data += bytes([0xF0 | wait & 15])
                wait >>= 4
        data += bytes([wait << 4 | min(count, 15)])
        if count >= 15:
            data += struct.pack("<H", count)
    return data


def ecf(rows: Sequence[Row], packing: str = "") -> bytes:
    """An ECF chunk; ``packing`` is "all" for y, x and polarity packed, "x" for x and polarity, or "" for runs."""
    flags = {"": 0, "x": 1, "all": 2}[packing]
    data = struct.pack("<I", len(rows) << 2 | flags) + ecf_times([row[0] for row in rows])
    padded = [*rows, *[(0, 0, 0, 0)] * (-len(rows) % 4)]
    if packing == "all":
        for i in range(0, len(padded), 4):
            a, b, c, d = (y << 12 | x << 1 | p for _, x, y, p in padded[i : i + 4])
            data += struct.pack("<III", a << 8 | b & 0xFF, (b >> 8) << 16 | c & 0xFFFF, (c >> 16) << 24 | d)
        return data
    for y, count in _runs([row[2] for row in rows]):
        data += struct.pack("<H", y << 5 | min(count, 31)) + (struct.pack("<H", count) if count >= 31 else b"")
    if packing == "x":
        for i in range(0, len(padded), 4):
            a, b, c, d = (x << 1 | p for _, x, _, p in padded[i : i + 4])
            data += struct.pack("<HHH", a << 4 | b & 15, (b >> 4) << 8 | c & 0xFF, (c >> 8) << 12 | d)
        return data
    columns = [row[1] for row in rows]
    while columns:
        x = columns.pop(0)
        mask = 0
        for i in range(5):
            if columns and columns[0] == x + 1 + i:
                mask |= 1 << (4 - i)
                columns.pop(0)
        data += struct.pack("<H", x << 5 | mask)
    for polarity, count in _runs([row[3] for row in rows]):
        data += bytes([polarity << 7 | min(count, 127)]) + (struct.pack("<H", count) if count >= 127 else b"")
    return data


def _runs(values: Iterable[int]) -> Run:
    """Each value and how often it comes in a row."""
    runs: Run = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs
