"""Decoder of encoding `evt3` and of Prophesee's raw format EVT3; evt3_words.py says what its words are."""

import numpy as np
from numpy.typing import NDArray

from snn_core.events.codecs import evt3_kernels
from snn_core.events.codecs.decoder import NEVER, Decoder
from snn_core.events.codecs.evt3_words import BASE_X, CLOCK, HIGH, LOW, STATE_SIZE, TIME_IS_NEW, TIME_RANGE, UNKNOWN, Y
from snn_core.events.events import Events

__all__ = ["TIME_RANGE", "Evt3Decoder"]


class Evt3Decoder(Decoder):
    """Decoder of `evt3`. Times are the sensor's, unrolled; ``time_base_ns`` is not used.

    The first TIME_HIGH begins the time. A TIME_HIGH after which an event comes without a TIME_LOW keeps the low bits.
    """

    encoding = "evt3"
    word_bytes = 2
    state_size = STATE_SIZE
    _at_once = True

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        return self._read(words, self.width, self.height)

    def _read(self, words: NDArray[np.unsignedinteger], width: int, height: int) -> Events:
        n_events, n_triggers = map(int, evt3_kernels.count(words))
        n_events += evt3_kernels.SLACK
        return self._run(evt3_kernels.decode, n_events, n_triggers, words, self._at_once, width, height)

    def reset(self) -> None:
        super().reset()
        self._state[[HIGH, CLOCK]] = NEVER
        self._state[[LOW, TIME_IS_NEW]] = 0

    def _reset_pixel(self) -> None:
        self._state[[Y, BASE_X]] = UNKNOWN
