"""The node ``camera``: a live event camera, or a recording in its place, as EventPackets."""

import array
import time
from collections.abc import Callable

import numpy as np
from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from snn_core.errors import UserError
from snn_core.events.camera_info import read_calibration
from snn_core.events.codecs.packets import empty_packet, split_packets
from snn_core.events.events import Events
from snn_core.events.live.camera import CameraUnavailableError, LiveCamera, RawData
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.events.live.opening import describe_cameras, open_camera
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.parameters import about, declare_parameters
from spikedrive_nodes.ros.runtime import run_node

POLL_S = 0.002
BUSY_S = 0.05
"""A camera that is never out of data lets the node's other work wait for so long (s)."""
SIGN_OF_LIFE_S = 0.05
"""An empty packet goes out when a camera has seen nothing for so long (s), so that the controller drives on."""
CAMERA_INFO_S = 1.0


class CameraNode(Node):
    """Publishes ``events`` and ``camera_info``; looks for its camera again when it has gone."""

    def __init__(self, open_camera: Callable[[CameraParameters], LiveCamera] = open_camera) -> None:
        super().__init__("camera")
        self._settings = settings = declare_parameters(self, CameraParameters)
        if settings.device == "list":
            print(describe_cameras(), flush=True)
            raise SystemExit(0)
        with about(self, "camera_info_url"):
            self._calibration = read_calibration(settings.camera_info_url) if settings.camera_info_url else None
        self.failure: UserError | None = None
        self._open_camera = open_camera
        self._camera: LiveCamera | None = None
        self._next_seq = self._latest_us = 0
        self._published_at = 0.0
        self._counters = dict.fromkeys(("connections", "packets_published", "bytes_published", "events_published"), 0)
        self._events_publisher = self.create_publisher(EventPacket, "events", qos.EVENTS)
        self._info_publisher = self.create_publisher(CameraInfo, "camera_info", qos.CAMERA_INFO)
        self._diagnostics = diagnostics.Diagnostics(
            self,
            self._values,
            {f"{counted}_per_s": f"{counted}_published" for counted in ("packets", "bytes", "events")},
        )
        self._poll_timer = self.create_timer(POLL_S, self._on_poll, autostart=False)
        self._look_timer = self.create_timer(settings.reconnect_s or 1.0, self._look, autostart=False)
        self._info_timer = self.create_timer(CAMERA_INFO_S, self._publish_info)
        _compile_encoder()
        self._look()

    def _values(self) -> dict[str, object]:
        camera = self._camera
        values: dict[str, object] = {"camera": camera.name if camera else "", **self._counters}
        if camera is not None:
            values |= {"sensor": f"{camera.width} x {camera.height}", "encoding": camera.encoding}
            values |= {
                name: getattr(camera, name)
                for name in ("losses", "dropped_outside", "steps_back")
                if hasattr(camera, name)
            }
        return values

    def _look(self) -> None:
        """Look for the camera; one that is there is read from now on."""
        try:
            self._connect()
        except CameraUnavailableError as error:
            self._lose(str(error))
        except UserError as error:
            self._fail(str(error))

    def _on_poll(self) -> None:
        """Publish what has come."""
        assert self._camera is not None
        try:
            self._drain(self._camera)
        except CameraUnavailableError as error:
            self._lose(str(error))

    def _connect(self) -> None:
        camera = self._open_camera(self._settings)
        url = f"camera_info_url: {self._settings.camera_info_url}"
        try:
            if self._calibration is not None:
                self._calibration.check_size(url, camera.width, camera.height, camera.name)
        except UserError:
            camera.close()
            raise
        self._camera = camera
        self._look_timer.cancel()
        self._poll_timer.reset()
        self._counters["connections"] += 1
        self._next_seq = self._latest_us = 0  # numbers that go back tell subscribers that the stream restarts
        self._publish_info()
        self._diagnostics.set(diagnostics.OK, f"{camera.name}: streaming {camera.width} x {camera.height}")

    def _lose(self, reason: str) -> None:
        """No camera, or no longer: look again later, or end."""
        self._poll_timer.cancel()
        if self._camera is not None:
            self._camera.close()
            self._camera = None
        again_s = self._settings.reconnect_s
        if again_s == 0:
            self._fail(reason)
            return
        self._look_timer.reset()
        self._diagnostics.set(diagnostics.ERROR, f"{reason}; looking again every {again_s:g} s")

    def _fail(self, reason: str) -> None:
        """End the process; an exception that leaves a callback would be logged with its traceback."""
        self._look_timer.cancel()
        self.failure = UserError(f"camera: {reason}")

    def _drain(self, camera: LiveCamera) -> None:
        busy_until = time.monotonic() + BUSY_S
        while (batch := camera.next_batch()) is not None:
            if isinstance(batch, RawData):
                self._publish_raw(camera, batch)
            elif len(batch):
                self._publish_events(camera, batch)
            if time.monotonic() > busy_until:
                return
        if not camera.is_connected():
            raise CameraUnavailableError(f"{camera.name}: has gone (unplugged, or its recording has ended)")
        if self._next_seq and time.monotonic() - self._published_at > SIGN_OF_LIFE_S:
            empty = empty_packet(self._latest_us, camera.width, camera.height, self._next_seq)
            self._publish(messages.to_packet(empty, self._settings.frame_id), camera.encoding)

    def _publish_events(self, camera: LiveCamera, events: Events) -> None:
        settings = self._settings
        packets = split_packets(
            events,
            camera.width,
            camera.height,
            self._next_seq,
            settings.packet_bytes,
            max_duration_us=round(settings.packet_ms * 1000),
        )
        for packet in packets:
            self._publish(messages.to_packet(packet, settings.frame_id), camera.encoding)
        self._latest_us = int(events.t[-1])
        self._counters["events_published"] += len(events)

    def _publish_raw(self, camera: LiveCamera, raw: RawData) -> None:
        self._next_seq += raw.after_loss  # the gap tells subscribers that something is missing
        largest = self._settings.packet_bytes // 8 * 8  # whole words, whatever the encoding
        for begin in range(0, len(raw.data), largest):
            message = EventPacket(width=camera.width, height=camera.height, seq=self._next_seq)
            message.header.frame_id = self._settings.frame_id
            message.events = array.array("B", raw.data[begin : begin + largest])
            self._publish(message, camera.encoding)

    def _publish(self, message: EventPacket, encoding: str) -> None:
        """Stamped with the host's time; the sensor's is in ``time_base`` and the data."""
        message.header.stamp = self.get_clock().now().to_msg()
        message.encoding = encoding
        self._events_publisher.publish(message)
        self._next_seq += 1
        self._counters["packets_published"] += 1
        self._counters["bytes_published"] += len(message.events)
        self._published_at = time.monotonic()

    def _publish_info(self) -> None:
        camera = self._camera
        if camera is not None:
            message = messages.to_camera_info(self._calibration, camera.width, camera.height)
            message.header.stamp = self.get_clock().now().to_msg()
            message.header.frame_id = self._settings.frame_id
            self._info_publisher.publish(message)

    def stop(self) -> None:
        """Nothing moves by this node."""
        if self._camera is not None:
            self._camera.close()


def _compile_encoder() -> None:
    """Numba compiles when first called: not while a camera waits for its first events to be published."""
    corner = np.zeros(1, np.uint16)
    list(split_packets(Events(np.zeros(1, np.int64), corner, corner, np.zeros(1, np.uint8)), 1, 1))


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node camera``."""
    return run_node(CameraNode)


if __name__ == "__main__":
    raise SystemExit(main())
