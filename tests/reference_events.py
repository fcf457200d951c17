"""Slow, obviously right twins of the wire decoders: plain Python, a word at a time. What has not been told is None."""

from typing import ClassVar

Event = tuple[int, int, int, int]  # t us, x, y, polarity
Trigger = tuple[int, int, int]  # t us, channel, edge


def unrolled(time: int, clock: int, span: int) -> int:
    """The time of a clock that begins anew after ``span`` us, as its users know it, when it was ``clock`` before."""
    epoch, place = divmod(clock, span)
    if place - time > span // 2:  # rolled over since
        epoch += 1
    if time - place >= span - 2**16:  # rolled over before, and stepped back over that
        epoch -= 1
    return epoch * span + time


class Reference:
    """What the twins have in common; a subclass reads one word, given as bytes."""

    word_bytes: ClassVar[int]
    uses_time_base: ClassVar[bool] = False

    def __init__(self, width: int, height: int, is_bigendian: bool = False) -> None:
        self.width, self.height = width, height
        self.order = "big" if is_bigendian else "little"
        self.cut = b""
        self.time_base_ns: int | None = None
        self.latest: int | None = None
        self.previous: int | None = None
        self.events: list[Event] = []
        self.triggers: list[Trigger] = []
        self.n_triggers = self.outside = self.untimed = self.unknown = self.back = 0

    def decode(self, data: bytes, time_base_ns: int = 0) -> list[Event]:
        if self.uses_time_base and time_base_ns != self.time_base_ns:
            self.unknown += len(self.cut) > 0
            self.cut = b""
            self.time_base_ns = time_base_ns
            self.begin_time_base()
        self.events = []
        data = self.cut + data
        while len(data) >= self.word_bytes:
            self.read(data[: self.word_bytes])
            data = data[self.word_bytes :]
        self.cut = data
        return self.events

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self.order == "big" else "little")

    def tell(self, time: int) -> None:
        self.back += self.previous is not None and time < self.previous
        self.previous = time
        self.latest = time if self.latest is None else max(self.latest, time)

    def event(self, x: int | None, y: int | None, polarity: int) -> None:
        """An event at the latest time."""
        if self.latest is None:
            self.untimed += 1
        elif x is None or y is None or x >= self.width or y >= self.height:
            self.outside += 1
        else:
            self.events.append((self.latest, x, y, polarity))

    def trigger(self, channel: int, edge: int) -> None:
        self.n_triggers += 1
        if self.latest is not None:
            self.triggers.append((self.latest, channel, edge))

    def begin_time_base(self) -> None: ...

    def read(self, word: bytes) -> None:
        raise AssertionError


class MonoReference(Reference):
    word_bytes = 8
    uses_time_base = True

    def read(self, word: bytes) -> None:
        number = self.number(word)
        x, y, polarity = number // 2**32 % 2**16, number // 2**48 % 2**15, number // 2**63
        assert self.time_base_ns is not None
        if x >= self.width or y >= self.height:
            self.outside += 1
        else:
            self.tell((self.time_base_ns + number % 2**32) // 1000)
            self.event(x, y, polarity)


class TriggerReference(Reference):
    word_bytes = 8
    uses_time_base = True

    def read(self, word: bytes) -> None:
        number = self.number(word)
        assert self.time_base_ns is not None
        self.tell((self.time_base_ns + number % 2**32) // 1000)
        self.trigger(number // 2**48 % 2**15, number // 2**63)


class LibcaerReference(Reference):
    word_bytes = 8
    uses_time_base = True

    def begin_time_base(self) -> None:
        self.clock: int | None = None

    def read(self, word: bytes) -> None:
        pixel, time = self.number(word[:4]), self.number(word[4:])
        x, y, polarity = pixel // 2**17, pixel // 4 % 2**15, pixel // 2 % 2
        assert self.time_base_ns is not None
        if time >= 2**31:
            self.unknown += 1
            return
        self.clock = time if self.clock is None else unrolled(time, self.clock, 2**31)
        if x >= self.width or y >= self.height:
            self.outside += 1
        else:
            self.tell(self.time_base_ns // 1000 + self.clock)
            self.event(x, y, polarity)


class Evt2Reference(Reference):
    word_bytes = 4
    high: int | None = None  # us, unrolled

    def read(self, word: bytes) -> None:
        self.read_head(self.number(word), [0])

    def read_head(self, head: int, columns: list[int]) -> None:
        kind, payload = head // 2**28, head % 2**28
        match kind:
            case 0 | 1 | 10:
                if self.high is not None:
                    self.tell(self.high + payload // 2**22)
                if kind == 10:
                    self.trigger(payload // 2**8 % 2**5, payload % 2)
                else:
                    for column in columns:
                        self.event(payload // 2**11 % 2**11 + column, payload % 2**11, kind)
            case 8:
                time = 64 * payload
                self.high = time if self.high is None else unrolled(time, self.high, 2**34)
            case 14 | 15:
                pass
            case _:
                self.unknown += 1


class Evt21Reference(Evt2Reference):
    word_bytes = 8

    def read(self, word: bytes) -> None:
        number = self.number(word)
        self.read_head(number // 2**32, [i for i in range(32) if number // 2**i % 2])


class LegacyEvt21Reference(Evt2Reference):
    word_bytes = 8

    def read(self, word: bytes) -> None:
        pixels = self.number(word[4:])
        self.read_head(self.number(word[:4]), [i for i in range(32) if pixels // 2**i % 2])


class Evt3Reference(Reference):
    word_bytes = 2
    high: int | None = None
    low = 0
    clock: int | None = None
    told = True  # whether the last time word has been
    y: int | None = None
    base: int | None = None
    base_polarity = 0

    def read(self, word: bytes) -> None:
        kind, payload = self.number(word) // 4096, self.number(word) % 4096
        match kind:
            case 0:
                self.y = payload % 2048
            case 2:
                self.tell_if_new()
                self.event(payload % 2048, self.y, payload // 2048)
            case 3:
                self.base, self.base_polarity = payload % 2048, payload // 2048
            case 4:
                self.vector(payload, 12)
            case 5:
                self.vector(payload % 256, 8)
            case 6:
                self.low, self.told = payload, False
                self.tell_if_new()
            case 8:
                if payload != self.high:
                    self.high, self.told = payload, False
            case 10:
                self.tell_if_new()
                self.trigger(payload // 256, payload % 2)
            case 7 | 14 | 15:
                pass
            case _:
                self.unknown += 1

    def tell_if_new(self) -> None:
        if not self.told and self.high is not None:
            time = 4096 * self.high + self.low
            time = time if self.clock is None else unrolled(time, self.clock, 2**24)
            self.clock = time if self.clock is None else max(self.clock, time)
            self.tell(time)
            self.told = True

    def vector(self, bits: int, size: int) -> None:
        self.tell_if_new()
        for i in range(size):
            if bits // 2**i % 2:
                self.event(None if self.base is None else self.base + i, self.y, self.base_polarity)
        if self.base is not None:
            self.base += size


class LibcaerCmpReference(Reference):
    word_bytes = 2
    uses_time_base = True
    x: int | None = None
    base: int | None = None
    base_polarity = 0

    def begin_time_base(self) -> None:
        self.high = self.low = 0
        self.clock: int | None = None
        self.told = False

    def read(self, word: bytes) -> None:
        kind, payload = self.number(word) // 4096, self.number(word) % 4096
        match kind:
            case 0:
                if payload != self.high:
                    self.high, self.told = payload, False
            case 1:
                self.low, self.told = payload, False
                self.tell_if_new()
            case 2:
                self.x = payload % 2048
            case 3:
                self.tell_if_new()
                self.event(self.x, payload % 2048, payload // 2048)
            case 4:
                self.base, self.base_polarity = payload % 2048, payload // 2048
            case 5:
                self.tell_if_new()
                for i in range(8):
                    if payload // 2**i % 2:
                        self.event(self.x, None if self.base is None else self.base + i, self.base_polarity)
                if self.base is not None:
                    self.base += 8
            case _:
                self.unknown += 1

    def tell_if_new(self) -> None:
        if not self.told:
            time = 4096 * self.high + self.low
            time = time if self.clock is None else unrolled(time, self.clock, 2**24)
            self.clock = time if self.clock is None else max(self.clock, time)
            assert self.time_base_ns is not None
            self.tell(self.time_base_ns // 1000 + time)
            self.told = True


REFERENCES: dict[str, type[Reference]] = {
    "evt2": Evt2Reference,
    "evt21": Evt21Reference,
    "evt21_legacy": LegacyEvt21Reference,
    "evt3": Evt3Reference,
    "libcaer": LibcaerReference,
    "libcaer_cmp": LibcaerCmpReference,
    "mono": MonoReference,
    "trigger": TriggerReference,
}
