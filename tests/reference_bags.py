"""The slow, obviously right twins of what reads the events of ROS messages: one event, one field after the other."""

import struct

Row = tuple[int, int, int, int, int]


def read_event_array(message: bytes, ros1: bool) -> list[Row]:
    """x, y, seconds, nanoseconds and polarity of the events of an EventArray, by the rules of its layout."""
    order = "<" if ros1 or message[1] == 1 else ">"
    position = start = 0 if ros1 else 4

    def number(kind: str) -> int:
        nonlocal position
        size = struct.calcsize(kind)
        while not ros1 and (position - start) % size:
            position += 1
        position += size
        return struct.unpack(order + kind, message[position - size : position])[0]

    _seq_and_stamp = [number("I") for _ in range(3 if ros1 else 2)]
    frame_size = number("I")
    position += frame_size
    _height, _width, count = number("I"), number("I"), number("I")
    return [(number("H"), number("H"), number("I"), number("I"), number("B")) for _ in range(count)]


def event_of(row: Row, untimed: int) -> tuple[int, int, int, int]:
    """t, x, y and polarity of an event; ``untimed`` is the time of one whose time is none."""
    x, y, seconds, ns, polarity = row
    is_timed = seconds < 2**31 and ns < 10**9
    return seconds * 10**6 + ns // 1000 if is_timed else untimed, x, y, int(polarity != 0)
