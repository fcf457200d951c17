"""Filters between the packets of a stream: one goes out for each that comes in, with its number."""

from __future__ import annotations

from typing import Literal

import numpy as np

from snn_core.errors import UserError
from snn_core.events.codecs.encoding import MAX_SILENCE_US
from snn_core.events.codecs.evt3_encoder import COORDINATE_BITS, encode_evt3
from snn_core.events.codecs.mono import encode_mono
from snn_core.events.codecs.packets import MAX_PACKET_DURATION_US, EncodedPacket
from snn_core.events.events import Events
from snn_core.events.filters.chain import FilterChain

MAX_EVT3_SIZE = 2**COORDINATE_BITS  # pixels a side

Encoding = Literal["mono", "evt3"]


class PacketFilter:
    """Filters the packets of one stream and encodes what is kept.

    A packet of which nothing is kept goes out empty: its number and its time still say that the stream lives, and a
    subscriber in lockstep waits for it. Packets that were lost before are missing by their numbers afterwards, too.

    chain: the filters. encoding: of what goes out.
    events: how many went out. beyond: dropped, since they came more than 4.29 s after the first event of their packet,
    which `mono` cannot hold.

    Raises UserError for a sensor that the encoding cannot hold.
    """

    def __init__(self, chain: FilterChain, encoding: Encoding) -> None:
        if encoding == "evt3" and max(chain.out_width, chain.out_height) > MAX_EVT3_SIZE:
            raise UserError(
                f"encoding evt3 holds sensors of at most {MAX_EVT3_SIZE} pixels a side, found "
                f"{chain.out_width} x {chain.out_height}; set encoding to mono"
            )
        self.chain = chain
        self.encoding = encoding
        self.events = 0
        self.beyond = 0
        self._latest_us: int | None = None  # of the events that came in
        self._encoded_us: int | None = None  # of those that went out

    def __call__(self, events: Events, seq: int, time_us: int | None = None) -> EncodedPacket:
        """The packet of the next one's events. Where time goes back, the stream has restarted.

        time_us: of a packet without events the time it stands for, us; None: that of the last event.
        """
        if len(events):
            if self._latest_us is not None and int(events.t[0]) < self._latest_us:
                self.reset()
            self._latest_us = time_us = int(events.t[-1])
        elif time_us is None:
            time_us = self._latest_us or 0
        kept = self._holdable(self.chain(events))
        first_us, last_us = (int(kept.t[0]), int(kept.t[-1])) if len(kept) else (time_us, time_us)
        data = encode_mono(kept, 1000 * first_us) if self.encoding == "mono" else self._evt3(kept)
        self.events += len(kept)
        return EncodedPacket(
            time_base_ns=1000 * first_us,
            width=self.chain.out_width,
            height=self.chain.out_height,
            seq=seq,
            first_us=first_us,
            last_us=last_us,
            data=data,
            encoding=self.encoding,
        )

    def reset(self) -> None:
        """The stream restarts."""
        self.chain.reset()
        self._latest_us = self._encoded_us = None

    def _holdable(self, events: Events) -> Events:
        if self.encoding != "mono" or len(events) == 0:
            return events
        n = int(np.searchsorted(events.t, int(events.t[0]) + MAX_PACKET_DURATION_US))
        self.beyond += len(events) - n
        return events[:n]

    def _evt3(self, events: Events) -> np.ndarray:
        """The words go on from those of the packet before, so that a decoder counts the rollovers of their clock."""
        if len(events) == 0:
            return np.empty(0, np.uint8)
        if self._encoded_us is not None and int(events.t[0]) - self._encoded_us > MAX_SILENCE_US:
            self._encoded_us = None
        data = encode_evt3(events, after_us=self._encoded_us)
        self._encoded_us = int(events.t[-1])
        return data
