"""Decoding beside reception: packets are decoded on a thread of their own and handed back to the node's.

Decoding kernels run without Python's global lock, so that the node receives the next packets meanwhile.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable

from event_camera_msgs.msg import EventPacket

from spikedrive_nodes.ros.drive_mode import DrivingNode
from spikedrive_nodes.ros.packet_decoder import Decoded, PacketDecoder

MAX_WAITING_BYTES = 1 << 28
"""What waits to be decoded, at most; packets beyond it are lost, and counted as such."""


class DecodingThread:
    """Takes packets in on the node's thread and calls ``take(decoded)`` for each, in order, on that thread, too."""

    def __init__(self, node: DrivingNode, decoder: PacketDecoder, take: Callable[[Decoded], None]) -> None:
        self._node = node
        self._decoder = decoder
        self._take = take
        self._packets: queue.SimpleQueue[tuple[EventPacket, int] | None] = queue.SimpleQueue()
        self._done: deque[Decoded | Exception] = deque()
        self._failure: Exception | None = None
        self._waiting_bytes = 0  # counted up by the node's thread, down by the other: see _lock
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="decoding", daemon=True)
        self._thread.start()

    def submit(self, message: EventPacket, arrived_us: int) -> None:
        """Let a packet be decoded."""
        with self._lock:
            if self._waiting_bytes > MAX_WAITING_BYTES:
                return  # the gap in ``seq`` tells
            self._waiting_bytes += len(message.events)
        self._packets.put((message, arrived_us))

    def hand_over(self) -> None:
        """Call ``take`` for what has been decoded. Raises what decoding or ``take`` raised."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        while self._done:
            decoded = self._done.popleft()
            if isinstance(decoded, Exception):
                raise decoded
            self._take(decoded)

    def stop(self) -> None:
        """End the thread; what is not decoded yet is forgotten."""
        self._take = lambda _: None
        self._packets.put(None)
        self._thread.join()
        self._done.clear()

    def _run(self) -> None:
        while (packet := self._packets.get()) is not None:
            try:
                self._done.append(self._decoder.take(*packet))
            except Exception as error:  # of the node's thread, which stops the robot
                self._done.append(error)
            with self._lock:
                self._waiting_bytes -= len(packet[0].events)
            executor = self._node.executor
            if executor is not None:
                executor.create_task(self._hand_over_soon)

    def _hand_over_soon(self) -> None:
        # An exception in a task would end the process at once: the next hand_over, of the node's timer, raises it.
        try:
            self.hand_over()
        except Exception as error:
            self._failure = error
