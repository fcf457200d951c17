"""What all wire decoders have in common: packets to words, a word cut between two packets, the counters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.events import Events

PacketData = bytes | bytearray | memoryview | NDArray[np.uint8]

MAX_SENSOR_SIZE = 32768  # pixels a side; the widest coordinate of the encodings has 15 bits (y of `mono`)


class Decoder(ABC):
    """Turns the packets of one stream, in order, into events.

    The events that come out lie on the sensor and their times never run backwards: a time before the latest one is
    held at the latest. No input raises an exception but one that is not bytes (TypeError, ValueError).

    width, height: size of the sensor, pixels.
    is_bigendian: the byte order of the words, as the EventPacket message states it.

    dropped_outside: events off the sensor, or whose pixel is not known since the word that gives it has not come yet.
    dropped_untimed: events before the stream's first time.
    unknown_words: words that the encoding does not define, and words cut short.
    steps_back: times that lay before the one that preceded them.
    triggers: external trigger words, which are skipped.
    """

    encoding: ClassVar[str]
    word_bytes: ClassVar[int]
    state_size: ClassVar[int]

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
        self.reset()

    def decode(self, data: PacketData, time_base_ns: int = 0) -> Events:
        """The events of the stream's next packet; it may end anywhere, even inside a word.

        data: the packet's bytes; an array must be one of uint8.
        time_base_ns: the packet's ``time_base``, ns; only some encodings use it.
        """
        return self._decode_words(self._words(data), time_base_ns)

    def reset(self) -> None:
        """Forget the stream, but not the counters: the next packet begins a new one."""
        self.resynchronise()
        self._reset_time()

    def resynchronise(self) -> None:
        """Call when packets were lost: forget what the next words would have built on, but not the time."""
        self.unknown_words += bool(self._cut_word)
        self._cut_word = b""
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
        words = octets[:whole].view(f"{'>' if self.is_bigendian else '<'}u{self.word_bytes}")
        words = np.require(words, f"u{self.word_bytes}", ["C", "A"]).view()
        words.flags.writeable = False  # one type for numba, whether data can be written to or not
        return words

    def _take(self, counter: int) -> int:
        """The value of a counter that the kernel keeps, which begins at 0 again."""
        value = int(self._state[counter])
        self._state[counter] = 0
        return value

    @abstractmethod
    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events: ...

    @abstractmethod
    def _reset_time(self) -> None: ...

    @abstractmethod
    def _reset_pixel(self) -> None: ...
