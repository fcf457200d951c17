"""Encoding `trigger` of event_camera_msgs: one 64-bit word an external trigger, and no events.

    bit 63: edge, 1 is rising    bits 48-62: channel    bits 32-47: 0    bits 0-31: ns after the packet's time base

Source: the ROS package event_camera_codecs, encoders and decoders of `mono` and `trigger`.
"""

import numpy as np
from numpy.typing import NDArray

from snn_core.events.codecs.decoder import LATEST, PREVIOUS, Decoder
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers


class TriggerDecoder(Decoder):
    """Decoder of `trigger`: ``decode`` gives no events, ``take_triggers`` what there was.

    t = (time_base_ns + dt) / 1000, rounded down to whole us.
    """

    encoding = "trigger"
    word_bytes = 8
    uses_time_base = True

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        if len(words):
            base_us, rest_ns = divmod(int(time_base_ns), 1000)
            told = base_us + ((words & 0xFFFFFFFF) + np.uint64(rest_ns)).astype(np.int64) // 1000
            t = np.maximum.accumulate(np.maximum(told, self._state[LATEST]))
            self.triggers += len(words)
            self.steps_back += int(told[0] < self._state[PREVIOUS]) + int(np.count_nonzero(told[1:] < told[:-1]))
            self._state[[LATEST, PREVIOUS]] = t[-1], told[-1]
            channel = (words >> 48).astype(np.uint16) & np.uint16(0x7FFF)
            self._keep_triggers(Triggers(t, channel, (words >> 63).astype(np.uint8)))
        return Events.empty()
