"""Text: a line an event, four numbers in one of the orders that data sets have, with commas or blanks between them.

Lines before the events may name the columns ("t,x,y,p"), give the sensor's size ("240 180") or be remarks, after "#",
"%" or "//". Times are s where they have a fraction, else us, or what the name of their column says. Polarities are 0
and 1, -1 and 1, or words (False, True).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numba import njit

from snn_core.events.codecs.decoder import uninitialised_events
from snn_core.events.events import Events
from snn_core.events.files.base import FileRecording, blocks, read_head
from snn_core.events.files.columns import ROLES, Unit, guess_order, roles_by_position, unit_of
from snn_core.events.files.limits import OUTSIDE, UNTIMED

SAMPLE_BYTES = 2**17
SAMPLE_LINES = 2000
MAX_LINE_BYTES = 4096
MAX_HEADER_LINES = 100
MIN_GOOD_SHARE = 0.9
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
REMARKS = ("#", "%", "//")
WORDS = {"true": 1.0, "t": 1.0, "false": 0.0, "f": 0.0, "on": 1.0, "off": 0.0}

NEWLINE, RETURN, HASH = 10, 13, 35
SEPARATORS = np.zeros(256, np.bool_)
SEPARATORS[list(b" \t,;\"'[]()")] = True
# What a column is read as.
SKIPPED, TIME, X, Y, POLARITY = range(5)
MAX_DIGITS = 18  # of int64


def sniff(path: Path, size: tuple[int, int] | None) -> TextRecording | None:
    """The recording in a file of text; None for any other."""
    head = read_head(path, SAMPLE_BYTES)
    layout = None if b"\0" in head else _find_layout(head)
    return None if layout is None else TextRecording(path, layout, size)


@dataclass(frozen=True)
class Layout:
    """What the columns are, by their place; the unit of the times; the sensor's size, px; where the first event is."""

    roles: tuple[str, ...]
    unit: Unit
    size: tuple[int, int] | None
    begin: int


class TextRecording(FileRecording):
    """The events of a file of text. Lines that are none are counted as unknown words."""

    format = "text"

    def __init__(self, path: Path, layout: Layout, size: tuple[int, int] | None = None) -> None:
        super().__init__(path)
        self._layout = layout
        self._note(f"columns read as {' '.join(role or '-' for role in layout.roles)}, times in {layout.unit.name}")
        if layout.size is not None:
            self._set_size(*layout.size)
        else:
            self._find_size(size)

    def _read(self, file: BinaryIO) -> Iterator[Events]:
        file.seek(self._layout.begin)
        screen = self._screen()
        columns = np.array([ROLES.index(role) + TIME if role else SKIPPED for role in self._layout.roles], np.uint8)
        shift = round(np.log10(self._layout.unit.us))
        rest = np.empty(0, np.uint8)
        for block in blocks(file, 1):
            data = np.concatenate([rest, block])
            ends = np.flatnonzero(data == NEWLINE)
            whole = int(ends[-1]) + 1 if len(ends) else 0
            yield self._parse(data[:whole], len(ends), columns, shift, screen)
            rest = data[whole:]
            if len(rest) > MAX_LINE_BYTES:
                self.damaged_bytes += len(rest)
                rest = rest[:0]
        yield self._parse(np.append(rest, np.uint8(NEWLINE)), 1, columns, shift, screen)

    def _parse(self, data, n_lines, columns, shift, screen) -> Events:  # type: ignore[no-untyped-def]
        events = uninitialised_events(n_lines)
        arrays = (events.t, events.x, events.y, events.polarity)
        kept, bad = _parse_lines(data, columns, shift, SEPARATORS, *arrays)
        self.unknown_words += bad
        screened = screen(events[:kept])
        self._count(screen)
        return screened


def _find_layout(head: bytes) -> Layout | None:
    """What the lines at the beginning of a file say, and look like; None where they are no events."""
    begin = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
    lines = head[begin:].splitlines(keepends=True)
    if len(head) == SAMPLE_BYTES:
        lines.pop()
    names: list[str] = []
    size: tuple[int, int] | None = None
    for i, line in enumerate(lines[:MAX_HEADER_LINES]):
        text = line.decode("latin-1").strip()
        remark = next((mark for mark in REMARKS if text.startswith(mark)), "")
        tokens = _tokens(text.removeprefix(remark))
        numbers = _numbers(tokens)
        if numbers is None or remark:
            named = _names(text.removeprefix(remark))
            if len(named) >= len(ROLES) and roles_by_position(named):
                names = named
        elif len(numbers) == 2 and all(number.is_integer() and number > 0 for number in numbers):
            size = (int(numbers[0]), int(numbers[1]))
        elif len(numbers) >= len(ROLES):
            sample = [_numbers(_tokens(row.decode("latin-1"))) for row in lines[i : i + SAMPLE_LINES]]
            return _layout_of(sample, len(numbers), names, size, begin)
        begin += len(line)
    return None


def _layout_of(
    sample: list[list[float] | None], n_columns: int, names: list[str], size: tuple[int, int] | None, begin: int
) -> Layout | None:
    rows = [row for row in sample if row is not None and len(row) == n_columns]
    if len(rows) < MIN_GOOD_SHARE * len(sample):
        return None
    values = np.array(rows)
    roles = roles_by_position(names) if len(names) == n_columns else guess_order(values[:, : len(ROLES)])
    if roles is None:
        return None
    place = roles.index("t")
    times = values[:, place]
    are_whole = bool(np.all(times == np.rint(times)))
    name = names[place] if len(names) == n_columns else "t"
    unit = unit_of(name, times.astype(np.int64) if are_whole and np.all(np.abs(times) < 2**62) else times)
    return Layout(roles, unit, size, begin)


def _tokens(text: str) -> list[str]:
    return [token for token in re.split(r"[ \t,;\"'\[\]()\r\n]+", text) if token]


def _names(text: str) -> list[str]:
    """Names of columns: between commas and the like names may have blanks ("time [us]")."""
    marks = next((mark for mark in ",;\t" if mark in text), None)
    return [name.strip() for name in text.split(marks)]


def _numbers(tokens: list[str]) -> list[float] | None:
    """The numbers that tokens stand for; None where one stands for none."""
    try:
        return [WORDS[token.lower()] if token.lower() in WORDS else float(token) for token in tokens] or None
    except ValueError:
        return None


@njit(cache=True, nogil=True)
def _parse_lines(data, columns, shift, separators, t, x, y, polarity):
    """Events of whole lines; how many they are, and how many lines are none. shift: us = time * 10**shift."""
    kept = bad = read = 0
    end = len(data)
    while read < end:
        t[kept] = UNTIMED
        x[kept] = y[kept] = OUTSIDE
        column = 0
        fine = is_blank = True
        while True:
            while separators[data[read]]:
                read += 1
            octet = data[read]
            if octet == NEWLINE or octet == RETURN:
                break
            if is_blank and octet == HASH:
                while data[read] != NEWLINE:
                    read += 1
                break
            is_blank = False
            role = columns[column] if column < len(columns) else SKIPPED
            if role == SKIPPED:
                while not separators[data[read]] and data[read] != NEWLINE and data[read] != RETURN:
                    read += 1
            else:
                read, mantissa, exponent, is_number = _parse_number(data, read, separators)
                fine &= is_number
                if role == TIME:
                    t[kept] = _scaled(mantissa, exponent + shift)
                elif role == POLARITY:
                    polarity[kept] = mantissa > 0
                else:
                    value = _scaled(mantissa, exponent)
                    place = np.uint16(value) if 0 <= value < OUTSIDE else np.uint16(OUTSIDE)
                    if role == X:
                        x[kept] = place
                    else:
                        y[kept] = place
            column += 1
        while data[read] != NEWLINE:
            read += 1
        read += 1
        if is_blank:
            continue
        if fine and column >= len(columns):
            kept += 1
        else:
            bad += 1
    return kept, bad


@njit(cache=True, nogil=True)
def _parse_number(data, read, separators):
    """The number or word at ``read``: where it ends, its value as mantissa and power of ten, and whether it is one."""
    sign = np.int64(1)
    if data[read] == 45 or data[read] == 43:  # - +
        sign = np.int64(-1) if data[read] == 45 else np.int64(1)
        read += 1
    mantissa = np.int64(0)
    digits = exponent = seen = 0
    in_fraction = False
    while True:
        octet = data[read]
        if 48 <= octet <= 57:
            seen += 1
            if digits < MAX_DIGITS:
                mantissa = 10 * mantissa + (octet - 48)
                digits += mantissa > 0
                exponent -= in_fraction
            else:
                exponent += not in_fraction
        elif octet == 46 and not in_fraction:  # .
            in_fraction = True
        else:
            break
        read += 1
    is_number = seen > 0
    octet = data[read] | 32  # in lower case
    if seen and octet == 101:  # e
        read += 1
        power_sign = 1
        if data[read] == 45 or data[read] == 43:
            power_sign = -1 if data[read] == 45 else 1
            read += 1
        power = power_digits = 0
        while 48 <= data[read] <= 57:
            power = min(10 * power + (data[read] - 48), 1000)
            power_digits += 1
            read += 1
        is_number = power_digits > 0
        exponent += power_sign * power
    elif not seen and (octet == 116 or octet == 102 or octet == 111):  # a word that begins with t, f or o
        begin = read
        while 97 <= data[read] | 32 <= 122:
            read += 1
        size = read - begin
        mantissa = np.int64(octet == 116 or (octet == 111 and size == 2))
        shortest = 2 if octet == 111 else 1  # on, off; t, f
        longest = 3 if octet == 111 else (4 if octet == 116 else 5)  # off; true, false
        is_number = size == shortest or size == longest
    if not separators[data[read]] and data[read] != NEWLINE and data[read] != RETURN:
        is_number = False
        while not separators[data[read]] and data[read] != NEWLINE and data[read] != RETURN:
            read += 1
    return read, sign * mantissa, exponent, is_number


@njit(cache=True, nogil=True)
def _scaled(mantissa, exponent):
    """mantissa * 10**exponent, rounded; UNTIMED where it does not fit."""
    value = mantissa
    while exponent > 0 and value != 0:
        if abs(value) > 2**62 // 10:
            return UNTIMED
        value *= 10
        exponent -= 1
    if exponent < -MAX_DIGITS:
        return np.int64(0)
    if exponent < 0:
        divisor = np.int64(1)
        while exponent < 0:
            divisor *= 10
            exponent += 1
        magnitude = (abs(value) + divisor // 2) // divisor
        value = magnitude if value >= 0 else -magnitude
    return value
