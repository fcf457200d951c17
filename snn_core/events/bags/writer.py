"""Events as a rosbag2 in MCAP, in EventPackets; rosbags writes the file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import UserError
from snn_core.events.bags.bag import METADATA, is_bag
from snn_core.events.bags.messages import packet_to_cdr
from snn_core.events.codecs.encoding import MAX_SILENCE_US
from snn_core.events.codecs.evt3_encoder import COORDINATE_BITS, encode_evt3
from snn_core.events.codecs.mono import encode_mono
from snn_core.events.codecs.packets import EncodedPacket
from snn_core.events.events import Events
from snn_core.events.external_triggers import Triggers
from snn_core.files import check_writable

PACKET_TYPE = "event_camera_msgs/msg/EventPacket"
PACKET_DEFINITION = """\
std_msgs/Header header
uint32 height
uint32 width
uint64 seq
uint64 time_base
string encoding
bool is_bigendian
uint8[] events
"""
TOPIC = "/event_camera/events"
SUFFIX = ".mcap"
METADATA_VERSION = 8  # that of Iron; later ones read it
MAX_PACKET_EVENTS = 2**15  # 256 KiB at most: an event takes up to 8 bytes
MAX_PACKET_US = 10_000
MAX_TIME_US = 2**31 * 1_000_000 - 1  # the seconds of a stamp are an int32
MAX_SIZE = {"evt3": 2**COORDINATE_BITS, "mono": 2**15}  # pixels a side
NEVER = np.iinfo(np.int64).min


class BagWriter:
    """Writes a recording as a rosbag2, batch by batch; a context manager. A ``RecordingWriter``.

    A packet holds up to 10 ms. Its ``time_base`` and the stamp of its header are the time of its first event. It is
    recorded at the time of its last. Packets of `evt3` each begin with the whole time and row, so that one that is lost
    costs nothing but its own events.

    path: a name that ends in .mcap makes one file, any other the folder of a rosbag2 with its metadata.yaml.
    width, height: size of the sensor, px, up to 2048 a side in `evt3`, 32768 in `mono`.
    camera: the frame of the events.
    overwrite: whether a file, or the folder of a bag, of that name may go.
    encoding: "evt3" or "mono"; the latter holds no triggers.

    notes: what was lost, a sentence each; complete when it is closed.

    Raises UserError for a path that is taken or cannot be written, a size or time that does not fit, a full disk.
    """

    format = "rosbag2 MCAP"

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        camera: str = "",
        overwrite: bool = False,
        encoding: str = "evt3",
        topic: str = TOPIC,
    ) -> None:
        if encoding not in MAX_SIZE:
            raise ValueError(f"encoding {encoding!r}: expected evt3 or mono")
        limit = MAX_SIZE[encoding]
        if not (1 <= width <= limit and 1 <= height <= limit):
            raise UserError(
                f"{path}: {encoding} cannot hold a sensor of {width} x {height} pixels; expected 1 to {limit} a side"
            )
        self.path = path
        self.notes: list[str] = []
        self._size = width, height
        self._frame_id = camera or "event_camera"
        self._overwrite = overwrite
        self._encoding = encoding
        self._waiting = Events.empty()
        self._waiting_triggers = Triggers.uninitialised(0)
        self._latest_us = self._encoded_us = NEVER
        self._seq = self._dropped_triggers = 0
        self._bag: Any = None
        self._check_target()
        scratch = self._try(lambda: tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        self._scratch: Path | None = Path(scratch)
        try:
            self._open(topic)
        except BaseException:
            self.discard()
            raise

    def write(self, events: Events, triggers: Triggers | None = None) -> None:
        """Write the next events, and the external triggers that came with them.

        Raises ValueError for events that are off the sensor, not sorted by time or before the last ones.
        """
        self._check(events)
        if len(events):
            self._latest_us = int(events.t[-1])
            self._waiting = Events.concatenate([self._waiting, events]) if len(self._waiting) else events
        if triggers is not None and len(triggers):
            if self._encoding == "evt3":
                self._waiting_triggers = Triggers.concatenate([self._waiting_triggers, triggers])
            else:
                self._dropped_triggers += len(triggers)
        while len(self._waiting) and (
            len(self._waiting) > MAX_PACKET_EVENTS or self._latest_us - int(self._waiting.t[0]) >= MAX_PACKET_US
        ):
            self._write_packet()

    def close(self) -> None:
        """Finish the bag and give it its name."""
        try:
            while len(self._waiting) or len(self._waiting_triggers) or not self._seq:
                self._write_packet()
            self._try(self._finish)
        finally:
            self.discard()
        if self._dropped_triggers:
            self.notes.append(f"{self._encoding} holds no triggers: {self._dropped_triggers} left out")

    def discard(self) -> None:
        """Leave nothing behind, unless it has its name."""
        if self._scratch is not None:
            if self._bag is not None:
                self._bag.abort()
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    # Packets

    def _check(self, events: Events) -> None:
        if not len(events):
            return
        width, height = self._size
        if int(events.x.max()) >= width or int(events.y.max()) >= height:
            raise ValueError(f"events must lie on the sensor of {width} x {height} pixels")
        if int(events.t[0]) < self._latest_us or np.any(events.t[1:] < events.t[:-1]):
            raise ValueError("events must be sorted by time")
        for time_us in (int(events.t[0]), int(events.t[-1])):
            if not 0 <= time_us <= MAX_TIME_US:
                raise UserError(
                    f"{self.path}: event at {time_us} us; the stamps of messages hold 0 to {MAX_TIME_US} us"
                )

    def _write_packet(self) -> None:
        """Write the first of the events that wait, and the triggers before the next; without events all triggers."""
        candidates = self._waiting.t[:MAX_PACKET_EVENTS]
        n = int(np.searchsorted(candidates, candidates[0] + MAX_PACKET_US)) if len(candidates) else 0
        events, self._waiting = self._waiting[:n], self._waiting[n:]
        triggers, k = self._waiting_triggers, len(self._waiting_triggers)
        if n:
            end_us = self._waiting.t[0] if len(self._waiting) else events.t[-1] + 1
            k = int(np.searchsorted(triggers.t, end_us))
        triggers, self._waiting_triggers = triggers[:k], triggers[k:]
        first_us = int((events if n else triggers).t[0]) if n or k else 0
        data = self._encode(events, triggers, first_us)
        packet = EncodedPacket(
            time_base_ns=1000 * first_us,
            width=self._size[0],
            height=self._size[1],
            seq=self._seq,
            first_us=first_us,
            last_us=max(first_us, self._encoded_us),
            data=data,
            encoding=self._encoding,
        )
        self._seq += 1
        message = packet_to_cdr(packet, self._frame_id)
        self._try(lambda: self._bag.write(self._connection, 1000 * packet.last_us, message))

    def _encode(self, events: Events, triggers: Triggers, first_us: int) -> NDArray[np.uint8]:
        """The bytes of a packet; the next one's triggers, if they are late, are clamped to its last time."""
        after_us = self._encoded_us
        triggers = Triggers(np.maximum(triggers.t, after_us), triggers.channel, triggers.edge)
        self._encoded_us = max([after_us, *(int(part.t[-1]) for part in (events, triggers) if len(part))])
        if self._encoding == "mono":
            return encode_mono(events, 1000 * first_us)
        bridges = after_us != NEVER and first_us - after_us <= MAX_SILENCE_US  # a longer one only time_base tells
        return encode_evt3(events, triggers, after_us if bridges else None)

    # Files

    def _check_target(self) -> None:
        if not self.path.is_dir():
            check_writable(self.path)
        elif self.path.suffix == SUFFIX or not is_bag(self.path):
            raise UserError(f"{self.path}: is a folder, and no bag; choose another name")
        if self.path.exists() and not self._overwrite:
            raise UserError(f"{self.path}: exists already; choose another name, or overwrite it with --force")

    def _open(self, topic: str) -> None:
        """Begin the bag in the scratch folder, under its own name, since that goes into the names of its files."""
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore

        assert self._scratch is not None
        store = get_typestore(Stores.ROS2_JAZZY)
        store.register(get_types_from_msg(PACKET_DEFINITION, PACKET_TYPE))
        name = self.path.stem if self.path.suffix == SUFFIX else self.path.name
        self._bag = Writer(self._scratch / name, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._try(self._bag.open)
        self._connection = self._bag.add_connection(topic, PACKET_TYPE, typestore=store)

    def _finish(self) -> None:
        """Complete the files, and let them take the place of what is there."""
        assert self._scratch is not None
        self._bag.close()
        folder = self._bag.path
        for name in (f"{folder.name}{SUFFIX}", METADATA):
            with (folder / name).open("rb") as file:
                os.fsync(file.fileno())
        made = folder / f"{folder.name}{SUFFIX}" if self.path.suffix == SUFFIX else folder
        self._check_target()
        if self.path.is_dir():
            os.replace(self.path, self._scratch / "replaced")
        os.replace(made, self.path)

    def _try(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written: {error.strerror or error}") from error
