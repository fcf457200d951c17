"""What wire encoders have in common: checks that an encoding can hold what it is given, which raise ValueError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers

MAX_SILENCE_US = 24 * 3600 * 10**6
"""The longest silence that time words bridge."""


def check_time_base(encoding: str, time_base_ns: int) -> None:
    """The ``time_base`` of a packet, ns, is a uint64."""
    if not 0 <= time_base_ns < 2**64:
        raise ValueError(f"{encoding}: time base {time_base_ns} ns does not fit 64 bits")


def check_pixels(encoding: str, events: Events, x_bits: int, y_bits: int) -> None:
    """The coordinates fit so many bits."""
    for name, coordinates, bits in (("x", events.x, x_bits), ("y", events.y, y_bits)):
        largest = int(coordinates.max(initial=0))
        if largest >= 2**bits:
            raise ValueError(f"{encoding}: {name} {largest} does not fit {bits} bits")


@dataclass(frozen=True, kw_only=True)
class WordEncoder:
    """An encoder of words whose clock has few bits: a silence is bridged by time words.

    kernel: is given the arrays of events and triggers, the time to begin at, ``max_step_us`` and the words to write
        to. It returns how many it has written and, where a silence broke it off, how long that was (us), else 0.
    coordinate_bits, channels: what a word has space for.
    max_step_us: from one time word to the next at most; less than half the clock's range, so that a rollover is told
        from a step back.
    word_type: as in the bytes.
    max_words: for an event or trigger. words_a_step: to bridge ``max_step_us``.
    """

    encoding: str
    kernel: Callable[..., Any]
    coordinate_bits: int
    channels: int
    max_step_us: int
    word_type: np.dtype
    max_words: int
    words_a_step: int

    def encode(self, events: Events, triggers: Triggers | None, after_us: int | None) -> NDArray[np.uint8]:
        """The bytes of the words, shape (bytes,). Raises ValueError for what they cannot hold."""
        triggers = Triggers.uninitialised(0) if triggers is None else triggers
        check_pixels(self.encoding, events, self.coordinate_bits, self.coordinate_bits)
        if int(triggers.channel.max(initial=0)) >= self.channels:
            channel = int(triggers.channel.max())
            raise ValueError(f"{self.encoding}: trigger channel {channel}, expected 0 to {self.channels - 1}")
        parts = [part.t for part in (events, triggers) if len(part)]
        if not parts:
            return np.empty(0, np.uint8)
        begin_us = min(int(t[0]) for t in parts) if after_us is None else after_us
        steps = max(0, max(int(t.max()) for t in parts) - begin_us) // self.max_step_us
        # As many as there can be; what is not written to takes no memory.
        n = self.max_words * (len(events) + len(triggers)) + self.words_a_step * steps
        words = np.empty(n, self.word_type.newbyteorder("="))
        n, silence_us = self.kernel(
            events.t,
            events.x,
            events.y,
            events.polarity,
            triggers.t,
            triggers.channel,
            triggers.edge,
            begin_us,
            self.max_step_us,
            words,
        )
        if silence_us < 0:
            raise ValueError(f"{self.encoding}: events and triggers must be sorted by time, after the packet before")
        if silence_us > 0:
            longest = f"{MAX_SILENCE_US} (24 hours)"
            raise ValueError(f"{self.encoding}: {silence_us} us without an event, expected at most {longest}")
        return words[:n].astype(self.word_type, copy=False).view(np.uint8)
