"""What wire decoders have in common: packets to words, a word cut between two packets, counters, triggers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.events import FIELD_TYPES, Events
from snn_core.events.external_triggers import Triggers

PacketData = bytes | bytearray | memoryview | NDArray[np.uint8]

MAX_SENSOR_SIZE = 32768  # pixels a side; the widest coordinate of the encodings has 15 bits (y of `mono`)
MAX_KEPT_TRIGGERS = 2**20

NEVER = np.iinfo(np.int64).min  # before all times
LATEST, PREVIOUS, DROPPED, UNTIMED, STEPS_BACK, UNKNOWN_WORDS, OWN_STATE = range(7)
"""What every kernel keeps in its state: two times, four counters; what it keeps besides begins at OWN_STATE."""


class Decoder(ABC):
    """Turns the packets of one stream, in order, into events.

    The events that come out lie on the sensor and their times never run backwards: a time before the latest one is
    clamped to it. No input raises an exception but one that is not bytes (TypeError, ValueError).

    width, height: size of the sensor, pixels.
    is_bigendian: the byte order of the words, as the EventPacket message states it.

    dropped_outside: events off the sensor, or whose pixel is not known since the word that gives it has not come yet.
    dropped_untimed: events before the stream's first time.
    unknown_words: words that the encoding does not define, and words cut short.
    steps_back: times that lay before the one that preceded them.
    triggers: external trigger words; ``take_triggers`` gives those that have a time.
    """

    encoding: ClassVar[str]
    word_bytes: ClassVar[int]
    swapped_bytes: ClassVar[int | None] = None
    """Bytes of what ``is_bigendian`` is about, where a word has several of them."""
    uses_time_base: ClassVar[bool] = False
    """Whether times count from the packet's ``time_base``."""
    state_size: ClassVar[int] = OWN_STATE

    def __init__(self, width: int, height: int, is_bigendian: bool = False) -> None:
        for name, value in (("width", width), ("height", height)):
            if not 1 <= value <= MAX_SENSOR_SIZE:
                raise UserError(f"sensor {name} {value}: expected 1 to {MAX_SENSOR_SIZE} pixels")
        self.width = width
        self.height = height
        self.is_bigendian = is_bigendian
        self.dropped_outside = 0
        self.dropped_untimed = 0
        self.unknown_words = 0
        self.steps_back = 0
        self.triggers = 0
        self._state = np.zeros(self.state_size, np.int64)  # what the kernel keeps from packet to packet
        self._cut_word = b""
        self._time_base_ns: int | None = None
        self._kept_triggers: list[Triggers] = []
        self._n_kept_triggers = 0
        self.reset()

    def decode(self, data: PacketData, time_base_ns: int = 0) -> Events:
        """The events of the stream's next packet; it may end anywhere, even inside a word.

        data: the packet's bytes; an array must be one of uint8.
        time_base_ns: the packet's ``time_base``, ns; only some encodings use it. Theirs a cut word is completed only by
            a packet with the same time base; else it is dropped and counted in ``unknown_words``.
        """
        if self.uses_time_base and time_base_ns != self._time_base_ns:
            self._drop_cut_word()
            self._time_base_ns = time_base_ns
            self._begin_time_base(int(time_base_ns) // 1000)
        return self._decode_words(self._words(data), time_base_ns)

    def take_triggers(self) -> Triggers:
        """The external triggers decoded since the last call, in order; their times never run backwards.

        At most ``MAX_KEPT_TRIGGERS`` are kept, the first ones; ``triggers`` counts the others, too.
        """
        taken = Triggers.concatenate(self._kept_triggers)
        self._kept_triggers, self._n_kept_triggers = [], 0
        return taken

    @property
    def behind_us(self) -> int:
        """How far the time told last lies before the latest, us; 0 unless times are clamped."""
        return int(self._state[LATEST]) - int(self._state[PREVIOUS])

    def reset(self) -> None:
        """Forget the stream, but not the counters: the next packet begins a new one."""
        self.resynchronise()
        self._time_base_ns = None
        self._state[[LATEST, PREVIOUS]] = NEVER

    def resynchronise(self) -> None:
        """Call when packets were lost: forget what the next words would have built on, but not the time."""
        self._drop_cut_word()
        self._reset_pixel()

    def _words(self, data: PacketData) -> NDArray[np.unsignedinteger]:
        """The whole words of ``data`` in native byte order, read-only, without a copy where ``data`` allows it."""
        if isinstance(data, np.ndarray):
            if data.dtype != np.uint8 or data.ndim != 1:
                raise ValueError(f"packet: expected a 1-d array of uint8, found {data.dtype}, {data.ndim}-d")
            octets = np.ascontiguousarray(data)
        else:
            octets = np.frombuffer(data, np.uint8)
        if self._cut_word:
            octets = np.concatenate([np.frombuffer(self._cut_word, np.uint8), octets])
        whole = len(octets) // self.word_bytes * self.word_bytes
        self._cut_word = octets[whole:].tobytes()
        size = self.swapped_bytes or self.word_bytes
        words = octets[:whole].view(f"{'>' if self.is_bigendian else '<'}u{size}")
        words = np.require(words, f"u{size}", ["C", "A"]).view()
        words.flags.writeable = False  # one type for numba, whether data can be written to or not
        return words

    def _collect_counters(self) -> None:
        """Add the kernel's counters to those of the decoder; they begin at 0 again."""
        self.dropped_outside += int(self._state[DROPPED])
        self.dropped_untimed += int(self._state[UNTIMED])
        self.steps_back += int(self._state[STEPS_BACK])
        self.unknown_words += int(self._state[UNKNOWN_WORDS])
        self._state[[DROPPED, UNTIMED, STEPS_BACK, UNKNOWN_WORDS]] = 0

    def _run(self, kernel: Callable[..., tuple[int, int]], n_events: int, n_triggers: int, *arguments: Any) -> Events:
        """What a kernel makes of words that bring events and triggers, at most so many of them.

        kernel: given the arguments, the state and the arrays to write to, returns how many of either there were.
        """
        events, triggers = uninitialised_events(n_events), Triggers.uninitialised(n_triggers)
        kept, kept_triggers = kernel(
            *arguments,
            self._state,
            events.t,
            events.x,
            events.y,
            events.polarity,
            triggers.t,
            triggers.channel,
            triggers.edge,
        )
        self._collect_counters()
        self.triggers += n_triggers
        self._keep_triggers(triggers[:kept_triggers])
        return events[:kept]

    def _keep_triggers(self, triggers: Triggers) -> None:
        """Let triggers wait for ``take_triggers``."""
        triggers = triggers[: MAX_KEPT_TRIGGERS - self._n_kept_triggers]
        if len(triggers):
            self._kept_triggers.append(triggers)
            self._n_kept_triggers += len(triggers)

    def _drop_cut_word(self) -> None:
        self.unknown_words += bool(self._cut_word)
        self._cut_word = b""

    def _reset_pixel(self) -> None:  # noqa: B027 (most encodings have nothing to forget)
        """Forget the pixel that the next words build on, where the encoding has such words."""

    def _begin_time_base(self, base_us: int) -> None:  # noqa: B027
        """The packets from now on count from another time base than those before, where the encoding uses it."""

    @abstractmethod
    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events: ...


def uninitialised_events(n: int) -> Events:
    """Arrays for n events, to be written to, in one block of memory, largest items first so that all are aligned."""
    block = np.empty(n * sum(dtype.itemsize for dtype in FIELD_TYPES.values()), np.uint8)
    arrays, begin = [], 0
    for dtype in FIELD_TYPES.values():
        end = begin + n * dtype.itemsize
        arrays.append(block[begin:end].view(dtype))
        begin = end
    return Events(*arrays)


def sift(events: Events, width: int, height: int, state: NDArray[np.int64]) -> Events:
    """What is left of freshly decoded events, whose arrays are written to: those on the sensor, times clamped.

    An event off the sensor tells no time. state: as every kernel keeps it.
    """
    kept = _sift(events.t, events.x, events.y, events.polarity, width, height, state)
    return events[:kept]


@njit(cache=True, nogil=True)
def _sift(t, x, y, polarity, width, height, state):
    latest, previous = state[LATEST], state[PREVIOUS]
    kept = 0
    for i in range(len(t)):
        if x[i] >= width or y[i] >= height:
            state[DROPPED] += 1
            continue
        state[STEPS_BACK] += t[i] < previous
        previous = t[i]
        latest = max(latest, previous)
        t[kept], x[kept], y[kept], polarity[kept] = latest, x[i], y[i], polarity[i]
        kept += 1
    state[LATEST], state[PREVIOUS] = latest, previous
    return kept
