"""Gazebo Sim (Harmonic and later) as a backend: processes under the interpreter that has its bindings talk to it."""

import math
import mmap
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snn_core.errors import UserError
from snn_core.sim.gazebo.backend import Frame, Observation, OnWait, WorldDisturbedError
from snn_core.sim.gazebo.gz import helper as gz_helper
from snn_core.sim.gazebo.gz.process import (
    INSTALL,
    NAME,
    Helper,
    HelperPlan,
    environment_of,
    find_python,
    start_server,
)
from snn_core.sim.gazebo.motion import BodyPose, Motion, motion
from snn_core.sim.gazebo.names import CAMERA_TOPIC, CMD_VEL_TOPIC, ODOMETRY_TOPIC, ROBOT, WORLD
from snn_core.sim.gazebo.server import Server, last_lines
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.track import Pose

_WAIT_S = 0.1
_QUIET_S = 0.2
_STALL_S = 1.0
_AS_FAST_AS_IT_CAN = 1000.0
"""Real-time factor of lockstep: out of reach. The service set_physics refuses 0, which means so in a world file."""
_AT_REST = 1e-3
"""m/s and rad/s"""
_BEGIN_US = 1_000_000
_SETTLE_US = 50_000
_MOST_SETTLES = 200
_PLACED_M = 0.1
_LEAST_SLOTS = 256
_NEVER_US = 1 << 62


class GzBackend:
    """See ``Backend``. While it runs free, one thread may call ``take`` and another ``send``."""

    def __init__(self, settings: SceneSettings, world: Path, on_wait: OnWait = lambda what: None) -> None:
        self._settings = settings
        self._gazebo = settings.gazebo
        self._world = world
        self._on_wait = on_wait
        self._period_us = 1_000_000 // self._gazebo.frame_rate_hz
        self._size = settings.camera.width * settings.camera.height
        self._slots = max(_LEAST_SLOTS, 2 * settings.window_us * self._gazebo.frame_rate_hz // 1_000_000)
        self._folder: Path | None = None
        self._server: Server | None = None
        self._helpers: dict[str, Helper] = {}
        self._memory: mmap.mmap | None = None
        self._frames: deque[Frame] = deque()
        self._states: deque[Motion] = deque(maxlen=self._slots)
        self._last_pose: BodyPose | None = None
        self._paused_at_us: int | None = None
        self._now_us = 0
        self._expected = (-1, _NEVER_US)
        self._found_us: int | None = None
        self._running = False
        self._frames_lost = 0
        self._real_time_factor = 1.0

    @property
    def pids(self) -> list[int]:
        """Process ids of the helpers, and of the server and its display, if this started them."""
        helpers = [helper.process.pid for helper in self._helpers.values()]
        return (self._server.pids if self._server else []) + helpers

    @property
    def counters(self) -> dict[str, int]:
        """See ``Backend``. frames_lost: overwritten before they were taken, free running."""
        return {"frames_lost": self._frames_lost}

    def start(self) -> None:
        """See ``Backend``."""
        if not self._gazebo.attach and shutil.which("gz") is None:
            raise UserError(f"{NAME}: there is no command gz in PATH: {INSTALL}")
        python = find_python(self._gazebo.gz_python)
        self._folder = Path(tempfile.mkdtemp(prefix="spikedrive_gz_"))
        environment = environment_of(self._gazebo)
        if not self._gazebo.attach:
            self._server = start_server(self._gazebo, self._world, self._folder, environment, self._on_wait)
        self._start_helpers(python, environment)
        self._await_ready()
        self._stand_still()
        self._await_first_frame(self._gazebo.start_timeout_s)
        # How many frames were lost before that, the machine's load decides: begin at the same time in every run.
        begin_us = -(-_BEGIN_US // self._period_us) * self._period_us
        self._advance(0.0, 0.0, begin_us - self._now_us % begin_us)

    def step(self, v: float, omega: float, duration_us: int) -> Observation:
        """See ``Backend``."""
        if duration_us % self._period_us:
            raise ValueError(f"duration_us: expected a multiple of {self._period_us} us, found {duration_us}")
        return self._advance(v, omega, duration_us)

    def place(self, pose: Pose) -> Observation:
        """See ``Backend``. The robot is stopped where it is first, so that it cannot roll away from the pose."""
        if self._running:
            self._stand_still()
            self._await_first_frame(self._gazebo.answer_timeout_s)
        self._come_to_rest()
        self._ask(pose=[pose.x, pose.y, pose.yaw])
        # The second was sent after the answer, when the pose had been set: so it is set before a step in every run.
        for _ in range(2):
            self._await_paused()
        seen = self._come_to_rest()
        if math.dist(seen.state.pose[:2], pose[:2]) > _PLACED_M:
            raise self._failure(
                f"/world/{WORLD}/set_pose: the model {ROBOT} was put at {tuple(pose)}, "
                f"{ODOMETRY_TOPIC} says it is at {tuple(seen.state.pose)}"
            )
        if self._running:
            self.run(self._real_time_factor)
        return seen

    def run(self, real_time_factor: float = 1.0) -> None:
        """See ``Backend``."""
        self._running, self._real_time_factor = True, real_time_factor
        self._expected = (self._now_us, _NEVER_US)
        self._ask(real_time_factor=real_time_factor)
        self._ask(pause=False)

    def send(self, v: float, omega: float) -> None:
        """See ``Backend``."""
        self._ask(command=[v, omega])

    def take(self, timeout_s: float) -> Observation | None:
        """See ``Backend``. Raises WorldDisturbedError when the world's time has gone back."""
        deadline = time.monotonic() + timeout_s
        if not self._receive(0.0):
            self._check()
        while not self._frames and (left := deadline - time.monotonic()) > 0.0:
            self._receive(min(left, _WAIT_S))
            self._check()
        self._check_undisturbed()
        if not self._frames:
            return None
        frames = list(self._frames)
        self._frames.clear()
        while len(self._states) > 1 and self._states[1].state.t_us <= frames[-1].t_us:
            self._states.popleft()
        return Observation(frames, self._states[0].state)

    def stop(self) -> None:
        """See ``Backend``."""
        if self._gazebo.attach and "control" in self._helpers:
            self._helpers["control"].write({"command": [0.0, 0.0], "real_time_factor": 1.0})
        for helper in self._helpers.values():
            helper.stop()
        self._helpers.clear()
        if self._server is not None:
            self._server.stop()
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start_helpers(self, python: str, environment: dict[str, str]) -> None:
        assert self._folder is not None
        size = gz_helper.HEADER_BYTES + self._slots * self._size
        descriptor = os.memfd_create("spikedrive_frames")  # without a name, it goes with the last of its processes
        os.ftruncate(descriptor, size)
        self._memory = mmap.mmap(descriptor, size)
        plan = HelperPlan(
            world=WORLD,
            robot=ROBOT,
            cmd_vel_topic=CMD_VEL_TOPIC,
            odometry_topic=ODOMETRY_TOPIC,
            camera_topic=CAMERA_TOPIC,
            step_us=self._gazebo.physics_step_us,
            width=self._settings.camera.width,
            height=self._settings.camera.height,
            slots=self._slots,
            memory=descriptor,
        )
        try:
            for role in ("control", "listen"):
                self._helpers[role] = Helper(role, python, plan, environment, self._folder / f"{role}.log")
        finally:
            os.close(descriptor)

    def _await_ready(self) -> None:
        waiting = f"/world/{WORLD}/control"
        deadline = time.monotonic() + self._gazebo.start_timeout_s
        while True:
            for message in self._read("control", _WAIT_S):
                if "ready" in message:
                    return
                waiting = message["waiting"]
            self._wait(f"no {waiting}", deadline, self._gazebo.start_timeout_s)

    def _stand_still(self) -> None:
        """Pause the world, let it run as fast as it can when it runs, and learn its time."""
        self._expected = (-1, _NEVER_US)
        self._ask(pause=True, real_time_factor=_AS_FAST_AS_IT_CAN)
        self._now_us = self._await_paused()
        self._states.clear()
        self._last_pose = None

    def _await_paused(self) -> int:
        """Wait until the server says once more at what time the world is paused (us)."""
        while self._receive(0.0):
            pass
        self._paused_at_us = None
        self._helpers["listen"].write({})
        absent = f"/world/{WORLD}/stats: no message that the world is paused"
        self._await(lambda: self._paused_at_us is not None, lambda: absent)
        return self._paused_at_us or 0

    def _await_first_frame(self, timeout_s: float) -> None:
        """Run until the camera has taken an image at the very end: from there on, whole frame periods end with one.

        What the server publishes first may be lost, before it knows who listens.
        """
        deadline = time.monotonic() + timeout_s
        while not self._have_all_at(self._now_us):
            self._now_us += self._period_us - self._now_us % self._period_us
            self._ask(command=[0.0, 0.0], run_to_us=self._now_us)
            quiet = time.monotonic() + _QUIET_S
            while not self._have_all_at(self._now_us) and time.monotonic() < quiet:
                if self._receive(_WAIT_S):
                    quiet = time.monotonic() + _QUIET_S
            absent = CAMERA_TOPIC if self._states else ODOMETRY_TOPIC
            self._wait(f"{absent}: no message", deadline, timeout_s)
        self._settle_time()

    def _have_all_at(self, t_us: int) -> bool:
        """Whether the newest frame and the newest pose are of that time."""
        return bool(self._frames) and self._frames[-1].t_us == t_us and self._newest_us() == t_us

    def _absent_at(self) -> str:
        """What has not come of the time that the world was let run to."""
        frame_us = self._frames[-1].t_us if self._frames else self._now_us
        topic, newest_us = min(
            (CAMERA_TOPIC, frame_us), (ODOMETRY_TOPIC, self._newest_us()), key=lambda newest: newest[1]
        )
        return f"{topic}: no message of {1e-6 * self._expected[1]:.6f} s, the last is of {1e-6 * newest_us:.6f} s,"

    def _advance(self, v: float, omega: float, duration_us: int) -> Observation:
        self._receive(0.0)
        self._check_undisturbed()
        self._frames.clear()
        end_us = self._now_us + duration_us
        self._expected = (self._now_us, end_us)

        def ask() -> None:
            if self._newest_us() < end_us:  # asked for its own time, the world would run on for ever
                self._ask(command=[v, omega], run_to_us=end_us)

        def done() -> bool:
            return self._have_all_at(end_us) or self._found_us is not None

        ask()
        self._await(done, self._absent_at, ask)
        self._check_undisturbed()
        self._now_us = end_us
        frames = list(self._frames)
        self._settle_time()
        return Observation(frames, self._states[-1].state)

    def _settle_time(self) -> None:
        """From now on, until it is asked to, the world's time must not move."""
        self._expected = (self._now_us, self._now_us)
        self._found_us = None
        self._frames.clear()

    def _come_to_rest(self) -> Observation:
        duration_us = -(-_SETTLE_US // self._period_us) * self._period_us
        for _ in range(_MOST_SETTLES):
            seen = self._advance(0.0, 0.0, duration_us)
            state = self._states[-1]
            if state.speed < _AT_REST and state.turn < _AT_REST:
                return Observation(seen.frames[-1:], seen.state)
        raise self._failure(f"the robot does not come to rest: {state.speed:g} m/s, {state.turn:g} rad/s")

    def _check_undisturbed(self) -> None:
        """Raises WorldDisturbedError, the world standing still again, when its time is not what it should be."""
        if self._found_us is None:
            return
        found_s, expected_s = 1e-6 * self._found_us, 1e-6 * self._now_us
        self._stand_still()
        self._await_first_frame(self._gazebo.answer_timeout_s)
        if self._running:
            self.run(self._real_time_factor)
        raise WorldDisturbedError(
            f"{NAME}: the world was reset or moved on by another: it is at {found_s:g} s, "
            f"expected about {expected_s:g} s"
        )

    def _newest_us(self) -> int:
        return self._states[-1].state.t_us if self._states else -1

    def _ask(self, **request: Any) -> None:
        """Have the control process do something; again, as long as the server does not answer."""
        deadline = time.monotonic() + self._gazebo.answer_timeout_s
        answered = False
        while not answered:
            self._helpers["control"].write(request)
            while not (answers := self._read("control", _WAIT_S)):
                self._wait(f"no answer to {request}", deadline, self._gazebo.answer_timeout_s)
            answered = answers[-1]["answered"]

    def _await(
        self, done: Callable[[], bool], absent: Callable[[], str], again: Callable[[], None] = lambda: None
    ) -> None:
        """Take in messages until it is done; ``again`` is called when none has come for a while."""
        deadline = time.monotonic() + self._gazebo.answer_timeout_s
        stalled = time.monotonic() + _STALL_S
        while not done():
            if self._receive(_WAIT_S):
                stalled = time.monotonic() + _STALL_S
                continue
            self._wait(absent(), deadline, self._gazebo.answer_timeout_s)
            if time.monotonic() > stalled:
                again()
                stalled = time.monotonic() + _STALL_S

    def _receive(self, timeout_s: float) -> bool:
        """Take in what the server has published; whether it was anything."""
        messages = self._read("listen", timeout_s)
        for message in messages:
            for kind, value in message.items():
                if kind == "frame":
                    self._receive_frame(*value)
                elif kind == "odometry":
                    pose = BodyPose(value[0], tuple(value[1:4]), tuple(value[4:]))
                    if self._is_expected(pose.t_us):
                        self._states.append(motion(self._last_pose, pose))
                        self._last_pose = pose
                elif kind == "world":
                    t_us, paused = value
                    self._paused_at_us = t_us if paused else None
                    self._is_expected(t_us, slack_us=1)
                else:
                    raise self._failure(value)
        return bool(messages)

    def _receive_frame(self, t_us: int, number: int) -> None:
        assert self._memory is not None
        begin = gz_helper.HEADER_BYTES + number % self._slots * self._size
        pixels = np.frombuffer(self._memory[begin : begin + self._size], np.uint8)
        (begun,) = np.frombuffer(self._memory[: gz_helper.HEADER_BYTES], np.uint64).tolist()
        if begun > number + self._slots:
            self._frames_lost += 1
        elif self._is_expected(t_us):
            camera = self._settings.camera
            self._frames.append(Frame(t_us, pixels.reshape(camera.height, camera.width)))
            if self._running:
                self._now_us = t_us

    def _is_expected(self, t_us: int, slack_us: int = 0) -> bool:
        """Whether a stamp is in the interval that the world was let run; else the world is taken as disturbed."""
        after_us, until_us = self._expected
        if after_us < t_us + slack_us and t_us <= until_us:
            return True
        self._found_us = t_us
        return False

    def _read(self, role: str, timeout_s: float) -> list[dict[str, Any]]:
        messages = self._helpers[role].read(timeout_s)
        if messages is None:
            self._check()
            raise self._failure(f"its helper ({role}) has ended: {last_lines(self._helpers[role].log)}")
        return messages

    def _wait(self, absent: str, deadline: float, timeout_s: float) -> None:
        self._on_wait(f"{NAME}: waiting for the server")
        self._check()
        if time.monotonic() > deadline:
            raise self._failure(f"{absent} within {timeout_s:g} s")

    def _check(self) -> None:
        if self._server is not None:
            self._server.check()

    def _failure(self, what: str) -> UserError:
        return self._server.failure(what) if self._server is not None else UserError(f"{NAME}: {what}")
