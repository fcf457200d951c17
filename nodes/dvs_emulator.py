"""The node ``dvs_emulator``: images of any camera in, the events of an event camera in its place out."""

from event_camera_msgs.msg import EventPacket
from rclpy.node import Node
from sensor_msgs.msg import Image

from snn_core.errors import UserError
from snn_core.sim.frame_stream import DvsEmulatorParameters, FrameStream, FrameWindow
from snn_core.sim.images import gray_image
from spikedrive_nodes.ros import diagnostics, messages, qos
from spikedrive_nodes.ros.event_subscription import EventSubscription
from spikedrive_nodes.ros.parameters import declare_parameters
from spikedrive_nodes.ros.runtime import run_node


class DvsEmulatorNode(Node):
    """Subscribes ``image``; publishes ``events``: for each image at least a packet, as a sign that the camera lives."""

    def __init__(self) -> None:
        super().__init__("dvs_emulator")
        self._settings = settings = declare_parameters(self, DvsEmulatorParameters)
        self._stream = FrameStream(settings)
        self._next_seq = 0
        self._images = self._refused = self._events = 0
        self._publisher = self.create_publisher(
            EventPacket, "events", qos.EVENTS, event_callbacks=qos.report_unheard(self, "events")
        )
        self._diagnostics = diagnostics.Diagnostics(
            self, self._values, {"images_per_s": "images_received", "events_per_s": "events_published"}
        )
        self._silence_timer = self.create_timer(settings.image_timeout_s, self._on_silence, autostart=False)
        self._subscription = EventSubscription(self, settings.image_reliability, self._on_image, Image, "image")
        self._diagnostics.set(diagnostics.OK, f"waiting for images on {self.resolve_topic_name('image')}")

    def _values(self) -> dict[str, object]:
        return {
            "images_received": self._images,
            "images_refused": self._refused,
            "images_dropped": self._stream.dropped,
            "restarts": self._stream.restarts,
            "events_published": self._events,
            "packets_published": self._next_seq,
        }

    def _on_silence(self) -> None:
        self._silence_timer.cancel()
        self._diagnostics.set(diagnostics.WARN, f"no image for {self._settings.image_timeout_s:g} s")

    def _on_image(self, message: Image) -> None:
        self._images += 1
        self._silence_timer.reset()
        try:
            window = self._take(message)
        except UserError as error:
            self._refused += 1
            self._diagnostics.set(diagnostics.ERROR, str(error))
            return
        if window is None:
            self._diagnostics.set(diagnostics.WARN, "an image is not later than the one before: dropped")
            return
        self._publish(window, message)
        if window.remark:
            self._diagnostics.set(diagnostics.OK, f"began anew: {window.remark}")
        else:
            self._diagnostics.set(diagnostics.OK, f"events of {message.width} x {message.height} px")

    def _take(self, message: Image) -> FrameWindow | None:
        t_us = messages.from_stamp(message.header.stamp)
        if t_us < 0:
            raise UserError(f"image: stamp: expected a time from 0 on, found {t_us} us")
        image = gray_image(
            message.encoding, message.width, message.height, message.step, bool(message.is_bigendian), message.data
        )
        return self._stream.take(image, t_us)

    def _publish(self, window: FrameWindow, message: Image) -> None:
        packets = messages.encode_window(
            window.events,
            (window.begin_us, window.end_us),
            (message.width, message.height),
            self._next_seq,
            self._settings.packet_bytes,
        )
        for packet in packets:
            self._publisher.publish(messages.to_packet(packet, self._settings.frame_id or message.header.frame_id))
        self._next_seq += len(packets)
        self._events += len(window.events)

    def stop(self) -> None:
        """Nothing moves by this node."""


def main() -> int:
    """Run the node; for ``ros2 run`` and ``spikedrive node dvs_emulator``."""
    return run_node(DvsEmulatorNode)


if __name__ == "__main__":
    raise SystemExit(main())
