"""Between the core's types and ROS messages."""

import array
from collections.abc import Iterable

import numpy as np
from builtin_interfaces.msg import Time
from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import Twist, TwistStamped
from sensor_msgs.msg import CameraInfo
from spikedrive_msgs.msg import Episode as EpisodeMessage
from spikedrive_msgs.msg import Reward
from spikedrive_msgs.msg import Spikes as SpikesMessage

from snn_core.control.command import Command, velocity
from snn_core.control.lockstep import Episode
from snn_core.control.signals import Signals
from snn_core.errors import UserError
from snn_core.events.camera_info import Calibration
from snn_core.events.codecs.packets import MAX_PACKET_DURATION_US, EncodedPacket, empty_packet, split_packets
from snn_core.events.events import Events
from snn_core.files import validate
from snn_core.network.network import Spikes

LARGEST_SIGNAL = 1e30


def to_stamp(time_us: int) -> Time:
    """Microseconds as a ROS time."""
    seconds, microseconds = divmod(time_us, 1_000_000)
    return Time(sec=seconds, nanosec=microseconds * 1000)


def from_stamp(stamp: Time) -> int:
    """A ROS time as microseconds, rounded down."""
    return stamp.sec * 1_000_000 + stamp.nanosec // 1000


def encode_window(
    events: Events, window_us: tuple[int, int], sensor: tuple[int, int], first_seq: int, max_bytes: int
) -> list[EncodedPacket]:
    """The packets of a window (begin, end): at least one, since an empty one tells that the source lives."""
    begin_us, end_us = window_us
    if not len(events):
        return [empty_packet(begin_us, *sensor, first_seq)]
    longest_us = min(end_us - begin_us, MAX_PACKET_DURATION_US)
    return list(split_packets(events, *sensor, first_seq, max_bytes, max_duration_us=longest_us))


def to_packet(packet: EncodedPacket, frame_id: str) -> EventPacket:
    """An encoded packet as a message, stamped with its time base."""
    message = EventPacket()
    message.header.stamp = to_stamp(packet.time_base_ns // 1000)
    message.header.frame_id = frame_id
    message.width, message.height = packet.width, packet.height
    message.seq, message.time_base = packet.seq, packet.time_base_ns
    message.encoding, message.is_bigendian = packet.encoding, packet.is_bigendian
    message.events = array.array("B", packet.data.tobytes())
    return message


def to_camera_info(calibration: Calibration | None, width: int, height: int) -> CameraInfo:
    """A calibration as a message; without one K is zero, by which CameraInfo says that a camera is uncalibrated."""
    message = CameraInfo(width=width, height=height)
    if calibration is not None:
        message.distortion_model = calibration.distortion_model
        message.d = calibration.distortion_coefficients.data
        message.k = calibration.camera_matrix.data
        message.r = calibration.rectification_matrix.data
        message.p = calibration.projection_matrix.data
    return message


def from_camera_info(message: CameraInfo) -> Calibration:
    """The calibration of a message. Raises UserError for a camera that is not calibrated, and for part of an image."""
    if message.k[0] == 0:
        raise UserError("camera_info: says that the camera is not calibrated; give a camera_info_url to its driver")
    roi = message.roi
    if max(message.binning_x, message.binning_y) > 1 or roi.x_offset or roi.y_offset:
        raise UserError("camera_info: is of a part of the sensor or of binned pixels; expected that of the whole")

    def matrix(rows: int, numbers: Iterable[float]) -> dict[str, object]:
        data = tuple(map(float, numbers))
        return {"rows": rows, "cols": len(data) // rows, "data": data}

    data = {
        "image_width": message.width,
        "image_height": message.height,
        "distortion_model": message.distortion_model or "plumb_bob",
        "camera_matrix": matrix(3, message.k),
        "distortion_coefficients": matrix(1, message.d),
        "rectification_matrix": matrix(3, message.r),
        "projection_matrix": matrix(3, message.p),
    }
    return validate(Calibration, data, "camera_info")


def to_twist(command: Command, stamp: Time, frame_id: str) -> TwistStamped:
    """A velocity as a stamped message."""
    message = TwistStamped()
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    message.twist = to_plain_twist(command)
    return message


def to_plain_twist(command: Command) -> Twist:
    """A velocity as a message without a stamp."""
    message = Twist()
    message.linear.x, message.angular.z = map(float, command)
    return message


def from_twist(twist: Twist) -> Command:
    """The velocity of a message."""
    return velocity(twist.linear.x, twist.angular.z)


def to_episode(episode: Episode) -> EpisodeMessage:
    """An episode as a message."""
    message = EpisodeMessage()
    message.header.stamp = to_stamp(episode.end_us)
    message.begin = to_stamp(episode.begin_us)
    for name in (
        "window",
        "first_event_seq",
        "next_event_seq",
        "events",
        "placed",
        "goal",
        "completed",
        "failed",
        "finished",
    ):
        setattr(message, name, getattr(episode, name))
    message.state = array.array("d", episode.state)
    return message


def from_episode(message: EpisodeMessage) -> Episode:
    """The episode of a message."""
    return Episode(
        window=message.window,
        begin_us=from_stamp(message.begin),
        end_us=from_stamp(message.header.stamp),
        first_event_seq=message.first_event_seq,
        next_event_seq=message.next_event_seq,
        events=message.events,
        placed=message.placed,
        goal=message.goal,
        completed=message.completed,
        failed=message.failed,
        finished=message.finished,
        state=tuple(message.state),
    )


def is_signal(value: float) -> bool:
    """Whether a network can be told this value, also in a sum: it holds signals in single precision."""
    return abs(value) <= LARGEST_SIGNAL


def to_reward(signals: Signals, stamp: Time) -> Reward:
    """What teaches as a message."""
    message = Reward(names=list(signals), values=array.array("d", signals.values()))
    message.header.stamp = stamp
    return message


def from_reward(message: Reward) -> dict[str, float]:
    """What teaches, by name; nothing of a task without signals.

    Raises UserError for another number of values than of names, or a value that is no ``is_signal``.
    """
    values = list(message.values)
    if len(message.names) != len(values) or not all(map(is_signal, values)):
        found = ", ".join(f"{name} {value:g}" for name, value in zip(message.names, values, strict=False))
        raise UserError(
            f"reward: expected a finite value for each name, found {len(message.names)} names and {len(values)} "
            f"values ({found or 'none'})"
        )
    return dict(zip(message.names, values, strict=True))


def to_spikes(spikes: Spikes, end_us: int, window: int, delay_us: int, populations: list[str]) -> SpikesMessage:
    """The spikes of a window as a message."""
    message = SpikesMessage()
    message.header.stamp = to_stamp(end_us)
    message.window = window
    message.delay = min(delay_us, 2**32 - 1)
    message.populations = populations
    message.times = array.array("q", spikes.time_us.astype(np.int64).tobytes())
    message.population = array.array("i", spikes.population.tobytes())
    message.neuron = array.array("i", spikes.neuron.tobytes())
    return message


def from_spikes(message: SpikesMessage) -> Spikes:
    """The spikes of a message."""
    return Spikes(
        np.array(message.times, np.int64), np.array(message.population, np.int32), np.array(message.neuron, np.int32)
    )
