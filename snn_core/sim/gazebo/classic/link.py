"""The link to a Gazebo Classic server: started or found, its topics joined, what it sends kept."""

import math
import shutil
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from snn_core.errors import UserError
from snn_core.sim.gazebo.backend import Frame, OnWait
from snn_core.sim.gazebo.classic.install import ClassicInstall, find_classic
from snn_core.sim.gazebo.classic.transport import Client, ConnectionLostError, load_messages
from snn_core.sim.gazebo.names import BASE_LINK, CAMERA, CLASSIC_TURN_SCALE, LEFT_WHEEL, ROBOT, WORLD
from snn_core.sim.gazebo.server import Server, display_command
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.track import Pose

NAME = "gazebo_classic"
_HOST = "127.0.0.1"
_TOPICS = f"/gazebo/{WORLD}"
_CONTROL = f"{_TOPICS}/world_control"
_PHYSICS = f"{_TOPICS}/physics"
_PLACING = f"{_TOPICS}/model/modify"
_POSES = f"{_TOPICS}/pose/local/info"
IMAGES = f"{_TOPICS}/{ROBOT}/{BASE_LINK}/{CAMERA}/image"
_COMMANDS = f"{_TOPICS}/{ROBOT}/vel_cmd"
_REQUESTS = f"{_TOPICS}/request"
_RESPONSES = f"{_TOPICS}/response"
_INLETS = {IMAGES: "ImageStamped", _POSES: "PosesStamped", _RESPONSES: "Response"}
_OUTLETS = {
    _CONTROL: "WorldControl",
    _PLACING: "Model",
    _COMMANDS: "Pose",
    _PHYSICS: "Physics",
    _REQUESTS: "Request",
}
_FLYWHEEL = f"{ROBOT}::{LEFT_WHEEL}_drive"
_GRAY_8 = 1
"""gazebo::common::Image::PixelFormat, L_INT8."""
_DROP_M = 1e-4
_EXACT_M = 1e-9
"""The robot is put down from a height at which it never is by itself, by which that is seen."""
WAIT_S = 0.1
_JOIN_S = 2.0
_SEEN_S = 2.0
_POSES_KEPT = 200
_STARTS = 2


class _NotJoinedError(UserError):
    """The server runs, but has not all that a robot needs."""


class ClassicLink:
    """Messages to and from a server. One thread uses it; another drains what the server sends while no one waits.

    frames: images that have come and were not taken. poses: time (us) and pose of the robot, after every step, the last
    two hundred. turns: time (us) and angle (rad) of the left wheel's drive, likewise. standing_us: time at which the
    world was last seen to stand still, -1 when not seen.
    """

    def __init__(self, settings: SceneSettings, world: Path, on_wait: OnWait) -> None:
        self.on_wait = on_wait
        self.lock = threading.Lock()
        self.frames: deque[Frame] = deque()
        self.poses: deque[tuple[int, Pose]] = deque(maxlen=_POSES_KEPT)
        self.turns: deque[tuple[int, float]] = deque(maxlen=_POSES_KEPT)
        self.standing_us = -1
        self.asked = self.answered = 0
        self.put_down = False
        self._heard: set[str] = set()
        self._camera = settings.camera
        self._gazebo = settings.gazebo
        self._world = world
        self._period_us = 1_000_000 // settings.gazebo.frame_rate_hz
        self._folder: Path | None = None
        self._server: Server | None = None
        self._client: Client | None = None
        self._stopping = threading.Event()
        self._drain_thread: threading.Thread | None = None

    @property
    def pids(self) -> list[int]:
        """Process ids of the server and its display, if this started them."""
        return self._server.pids if self._server else []

    def start(self) -> None:
        """Start the server, or find one, and join its topics. Raises UserError."""
        install = find_classic(self._gazebo.classic_root)
        self._messages = load_messages(install.protos)
        timeout_s = self._gazebo.start_timeout_s
        if self._gazebo.attach:
            self._connect(*_address(self._gazebo.master_uri), timeout_s)
        else:
            try:
                self._start_server(install, timeout_s / _STARTS)
            except _NotJoinedError:  # one server in some hundreds has no picture, or never says a word
                self._leave()
                self._start_server(install, timeout_s / _STARTS)
        self._drain_thread = threading.Thread(target=self._drain, daemon=True)
        self._drain_thread.start()

    def stop(self) -> None:
        """Leave the server, and end it if this started it."""
        self._stopping.set()
        if self._drain_thread is not None:
            self._drain_thread.join()
        self._leave()

    def let_step(self, steps: int) -> None:
        """Ask a paused world for some steps."""
        self.standing_us = -1
        self._publish(_CONTROL, self._messages["WorldControl"](multi_step=steps))

    def reset(self) -> None:
        """Take the world back to time 0, and all in it to where it began, at rest."""
        message = self._messages["WorldControl"]()
        message.reset.all = True
        self.standing_us = -1
        self._publish(_CONTROL, message)

    def pause(self, paused: bool) -> None:
        """Pause the world, or let it run by itself."""
        self.standing_us = -1
        self._publish(_CONTROL, self._messages["WorldControl"](pause=paused))

    def limit_steps(self, steps_per_s: float) -> None:
        """How many steps, or looks for something to do, the world makes in a second of wall time at most."""
        self._publish(_PHYSICS, self._messages["Physics"](real_time_update_rate=steps_per_s))

    def command(self, v: float, omega: float) -> None:
        """Tell the drive a speed (m/s) and a yaw rate (rad/s)."""
        message = self._messages["Pose"]()
        _set_pose(message, Pose(v, 0.0, omega / CLASSIC_TURN_SCALE))
        self._publish(_COMMANDS, message)

    def ask(self) -> None:
        """Ask for something that the server answers at once: ``answered`` is then the number ``asked``."""
        self.asked += 1
        self._publish(_REQUESTS, self._messages["Request"](id=self.asked, request="physics_info", data=""))

    def put(self, pose: Pose) -> None:
        """Ask to put the robot down at a pose; ``put_down`` tells when that is done."""
        message = self._messages["Model"](name=ROBOT)
        _set_pose(message.pose, pose)
        message.pose.position.z = _DROP_M
        self.put_down = False
        self._publish(_PLACING, message)

    def poll(self, timeout_s: float) -> None:
        """Take in what the server has sent, waiting so long (s) for something. Raises UserError."""
        assert self._client is not None
        client = self._client
        for topic, message in self._guarded(lambda: client.poll(timeout_s)):
            self._heard.add(topic)
            if topic == IMAGES:
                self._on_image(message)
            elif topic == _POSES:
                self._on_poses(message)
            elif message.request == "physics_info":
                self.answered = message.id

    def check(self) -> None:
        """Raises UserError when the server has ended."""
        if self._server is not None:
            self._server.check()

    def failure(self, what: str) -> UserError:
        """An error in one line, with the end of the server's log if there is one."""
        return self._server.failure(what) if self._server is not None else UserError(f"{NAME}: {what}")

    def _start_server(self, install: ClassicInstall, timeout_s: float) -> None:
        port = _free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="spikedrive_gazebo_"))
        environment = install.environment() | {"GAZEBO_MASTER_URI": f"http://{_HOST}:{port}"}
        environment["HOME"] = str(self._folder)  # it keeps logs in ~/.gazebo
        self._server = Server(
            NAME,
            [*install.command("gzserver"), "-u", "--lockstep", "--verbose", str(self._world)],
            environment,
            display_command(install.folder),
            self._folder / "gzserver.log",
            self.on_wait,
            timeout_s,
        )
        self._connect(_HOST, port, timeout_s)

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self, host: str, port: int, timeout_s: float) -> None:
        """Raises _NotJoinedError."""
        deadline = time.monotonic() + timeout_s

        def wait(what: str) -> None:
            self.on_wait(f"{NAME}: waiting for {what}")
            self.check()
            if time.monotonic() > deadline:
                raise _NotJoinedError(str(self.failure(f"no {what} within {timeout_s:g} s")))

        while self._client is None:
            try:
                self._client = Client(self._messages, host, port)
            except OSError:
                wait(f"server at {host}:{port}")
                time.sleep(WAIT_S)
                continue
            absent = self._join(self._client, wait)
            if absent:  # a server that still loads may overlook who comes; who comes again is seen
                self._client.close()
                self._client = None

    def _join(self, client: Client, wait: Callable[[str], None]) -> str | None:
        """Subscribe and advertise; returns what is still missing after a while.

        A world tells of poses without end, also of none when it stands; images come only from one that runs.
        """
        while IMAGES not in client.topics:  # the last that a server has when it loads
            self.poll(WAIT_S)
            wait(IMAGES)
        self._heard.clear()
        for topic, kind in _INLETS.items():
            client.subscribe(topic, kind)
        for topic, kind in _OUTLETS.items():
            client.advertise(topic, kind)
        deadline = time.monotonic() + _JOIN_S
        while True:
            self.poll(WAIT_S)
            missing = [topic for topic in _OUTLETS if not client.has_subscriber(topic)]
            if _POSES not in self._heard:
                missing.append(_POSES)
            if not missing:
                return None
            wait(missing[-1])
            if time.monotonic() > deadline:
                return missing[-1]

    def _publish(self, topic: str, message: Any) -> None:
        assert self._client is not None
        client = self._client
        self._guarded(lambda: client.publish(topic, message))

    def _on_image(self, message: Any) -> None:
        image, camera = message.image, self._camera
        if (image.width, image.height) != (camera.width, camera.height):
            raise self.failure(
                f"{IMAGES}: expected {camera.width} x {camera.height} px, found {image.width} x {image.height}"
            )
        if image.pixel_format != _GRAY_8 or len(image.data) != camera.width * camera.height:
            raise self.failure(f"{IMAGES}: expected 8 bits a pixel (L8), found format {image.pixel_format}")
        pixels = np.frombuffer(image.data, np.uint8).reshape(camera.height, camera.width)
        # Where a message within the server was lost, a frame is a step or two late.
        late = _microseconds(message.time) + self._period_us // 2
        frame = Frame(late - late % self._period_us, pixels)
        if self.frames and self.frames[-1].t_us > frame.t_us:  # those of before a reset are delayed, too
            self.frames.clear()
        self.frames.append(frame)

    def _on_poses(self, message: Any) -> None:
        """The poses of what has moved in a step; of nothing, while the world stands."""
        time_us = _microseconds(message.time)
        if not message.pose:
            self.standing_us = time_us
        for pose in message.pose:
            if pose.name == ROBOT:
                self.poses.append((time_us, _pose(pose)))
                self.put_down |= abs(pose.position.z - _DROP_M) < _EXACT_M
            elif pose.name == _FLYWHEEL:
                self.turns.append((time_us, 2.0 * math.atan2(pose.orientation.y, pose.orientation.w)))

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except ConnectionLostError as error:
            deadline = time.monotonic() + _SEEN_S  # the guard sees the server's end a little later
            while time.monotonic() < deadline:
                self.check()
                time.sleep(WAIT_S)
            raise self.failure(f"connection lost ({error})") from error

    def _drain(self) -> None:
        """Read what a paused server keeps sending, so that it does not pile up there."""
        while not self._stopping.wait(WAIT_S):
            if self.lock.acquire(blocking=False):
                try:
                    self.poll(0.0)
                except UserError:
                    return  # the next call finds it, too
                finally:
                    self.lock.release()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return probe.getsockname()[1]


def _address(uri: str) -> tuple[str, int]:
    parts = urlsplit(uri or f"http://{_HOST}:11345")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise UserError(f"gazebo.master_uri: expected http://HOST:PORT, found {uri!r}")
    return host, port


def _set_pose(message: Any, pose: Pose) -> None:
    position, orientation = message.position, message.orientation
    position.x, position.y, position.z = pose.x, pose.y, 0.0
    orientation.x = orientation.y = 0.0
    orientation.z, orientation.w = math.sin(0.5 * pose.yaw), math.cos(0.5 * pose.yaw)


def _pose(message: Any) -> Pose:
    """Position and heading: the direction of the x axis, seen from above."""
    q = message.orientation
    yaw = math.atan2(2.0 * (q.w * q.z + q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z))
    return Pose(message.position.x, message.position.y, yaw)


def _microseconds(stamp: Any) -> int:
    return stamp.sec * 1_000_000 + stamp.nsec // 1000
