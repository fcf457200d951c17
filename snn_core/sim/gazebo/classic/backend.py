"""Gazebo Classic 11 as a backend: how its world is stepped, placed in, and watched."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from snn_core.sim.gazebo.backend import Observation, OnWait, RobotState, WorldDisturbedError
from snn_core.sim.gazebo.classic.link import IMAGES, NAME, WAIT_S, ClassicLink
from snn_core.sim.gazebo.motion import state_among
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.track import Pose

_STEPS_PER_S = 20_000.0
_LOOKS_PER_S = 3000.0
"""Physics steps per wall second at most, far above what is reached; and how often a standing server looks for something
to do. To look costs it as much as a step. It also tells of nothing, so often that messages which say something are
dropped.
"""
_MARGIN_STEPS = 2
"""A frame is rendered when the renderer has seen its time, or, where it has missed that, two steps later."""
_FORCE_S = 0.05
_MOST_AHEAD = 4
_AWAKE_S = 0.5
"""A camera that is there shows the frame at which the world stands within this time."""
_DISTURBED_S = 1.0
_ASK_AGAIN_S = 0.5
_SOME_STEPS = 8
_TURN_RAD = 2e-4
_AT_REST = 1e-3
"""m/s and rad/s"""
_PLACING_S = 1.0
"""The server does so five times a second."""
_SETTLE_US = 100_000
"""At least, and whole frames."""
_MOST_SETTLES = 50


class ClassicBackend:
    """See ``Backend``.

    In lockstep the world stands two steps ahead of the window (see _MARGIN_STEPS), so that a command takes effect that
    much later than at the window's end: 2 ms, always. The server holds an image back while the one before is under way,
    until the next one goes out, and drops the oldest of many. So there is a rest before the last steps, and these are
    slow.

    Counters: frames_forced, how often even that did not bring a frame, so that another one had to follow; the next
    command came a frame later. frames_lost, those that did not come at all; the next one shows what they would have.
    poses_lost, how often the pose at a window's end was made up for by those around it. commands_late, how often the
    wheels were driven by the last command in a window's first step.
    """

    def __init__(self, settings: SceneSettings, world: Path, on_wait: OnWait = lambda what: None) -> None:
        self._gazebo = settings.gazebo
        self._step_us = settings.gazebo.physics_step_us
        self._period_us = 1_000_000 // settings.gazebo.frame_rate_hz
        self._settle_us = -(-_SETTLE_US // self._period_us) * self._period_us
        self._ahead_us = _MARGIN_STEPS * self._step_us
        self._link = ClassicLink(settings, world, on_wait)
        self._now_us = self._stands_us = 0
        self._suspect_us = -1
        self._running = False
        self._steps_per_s = _STEPS_PER_S
        self._frames_forced = self._frames_lost = self._poses_lost = self._commands_late = 0

    @property
    def pids(self) -> list[int]:
        """Process ids of the server and its display, if this started them."""
        return self._link.pids

    @property
    def counters(self) -> dict[str, int]:
        """See ``Backend``."""
        return {
            "frames_forced": self._frames_forced,
            "frames_lost": self._frames_lost,
            "poses_lost": self._poses_lost,
            "commands_late": self._commands_late,
        }

    def start(self) -> None:
        """See ``Backend``."""
        self._link.start()
        with self._link.lock:
            self._align(timeout_s=self._gazebo.start_timeout_s)
            if not self._gazebo.attach:
                self._step(0.0, 0.0, self._settle_us)  # a late camera would go on from the time before the reset
                self._start_over()

    def step(self, v: float, omega: float, duration_us: int) -> Observation:
        """See ``Backend``."""
        with self._link.lock:
            return self._step(v, omega, duration_us)

    def place(self, pose: Pose) -> Observation:
        """See ``Backend``."""
        with self._link.lock:
            if self._running:
                self._align()
            self._come_to_rest()
            self._put(pose)
            seen = self._come_to_rest()
            if self._running:
                self._let_run()
            return seen

    def run(self, real_time_factor: float = 1.0) -> None:
        """See ``Backend``."""
        with self._link.lock:
            self._running = True
            self._steps_per_s = real_time_factor * 1e6 / self._step_us
            self._let_run()

    def send(self, v: float, omega: float) -> None:
        """See ``Backend``."""
        with self._link.lock:
            self._link.command(v, omega)

    def take(self, timeout_s: float) -> Observation | None:
        """See ``Backend``."""
        link = self._link
        with link.lock:
            link.poll(0.0 if link.frames else timeout_s)
            link.check()
            frames = list(link.frames)
            link.frames.clear()
            if not frames:
                return None
            times = [self._now_us, *(frame.t_us for frame in frames)]
            if times != sorted(times):
                raise WorldDisturbedError(f"{NAME}: the world's time went back")
            frames = [frame for frame in frames if frame.t_us > self._now_us]
            if not frames or not link.poses:
                return None
            self._now_us = frames[-1].t_us
            return Observation(frames, self._state())

    def stop(self) -> None:
        """See ``Backend``."""
        self._link.stop()

    def _align(self, timeout_s: float | None = None) -> None:
        """Pause the world, let it run to a whole number of frames, and until the camera sees, within ``timeout_s``
        (default: that of an answer), and then ahead.
        """
        link = self._link
        link.limit_steps(_LOOKS_PER_S)
        link.pause(True)
        self._wait_until(lambda: link.standing_us >= 0, "the world to stand", lambda: link.pause(True), _DISTURBED_S)
        link.poll(WAIT_S)
        self._stands_us = link.standing_us
        link.frames.clear()
        link.poses.clear()
        timeout_s = timeout_s or self._gazebo.answer_timeout_s
        deadline = time.monotonic() + timeout_s
        while not self._sees(0):
            self._run_to(self._stands_us - self._stands_us % self._period_us + self._period_us)
            awake_until = time.monotonic() + _AWAKE_S  # see _start_over
            while not self._sees(0) and time.monotonic() < awake_until:
                link.poll(WAIT_S)
            if time.monotonic() > deadline:
                raise link.failure(f"{IMAGES}: no image within {timeout_s:g} s")
        self._now_us = self._stands_us
        self._run_to(self._now_us + self._ahead_us)

    def _start_over(self) -> None:
        """Take the world back to time 0, so that every run begins with the same state, however long the camera took.

        After a reset the camera waits until it sees the time of a frame, and until then the world runs on without it.
        If it sees that late, the world may stand one step after the next frame's time. For the camera that is neither
        this time nor past it: then both wait for each other for ever (Gazebo 11.1, CameraSensor::NeedsUpdate). So the
        world stands at the first frame's time until the camera has seen it.
        """
        link = self._link
        link.reset()
        self._wait_until(lambda: link.standing_us == 0, "a reset")
        link.poses.clear()
        self._stands_us = 0
        self._now_us = self._period_us
        self._run_to(self._now_us)
        self._wait_until(lambda: self._sees(self._now_us), "the first image", self._force_image, _DISTURBED_S)
        self._step(0.0, 0.0, self._settle_us - self._period_us)
        self._frames_forced = self._frames_lost = 0  # a camera restarts after a reset

    def _let_run(self) -> None:
        self._link.limit_steps(self._steps_per_s)
        self._link.pause(False)

    def _run_to(self, time_us: int, steps_per_s: float = _STEPS_PER_S) -> None:
        """Let the paused world run until ``time_us``, and wait until it stands there."""
        if time_us <= self._stands_us:
            return
        if steps_per_s != _LOOKS_PER_S:
            self._link.limit_steps(steps_per_s)
        self._link.let_step((time_us - self._stands_us) // self._step_us)
        self._stands_us, self._suspect_us = time_us, -1
        self._wait_until(lambda: self._link.standing_us == time_us, "a step", self._check_undisturbed, _DISTURBED_S)
        if steps_per_s != _LOOKS_PER_S:
            self._link.limit_steps(_LOOKS_PER_S)

    def _check_undisturbed(self) -> None:
        """The world stands where it should not, or runs on: someone else has paused, stepped or reset it.

        What was last heard may be of before the world was asked to step, and the server delayed since. So that it
        stands counts when it is said twice.
        """
        link = self._link
        seen_us, runs_us = link.standing_us, link.poses[-1][0] if link.poses else 0
        expected_us = self._stands_us
        stands_elsewhere = seen_us not in (-1, expected_us) and seen_us == self._suspect_us
        if stands_elsewhere or max(seen_us, runs_us) > expected_us:
            self._align()
            raise WorldDisturbedError(f"{NAME}: the world is at {max(seen_us, runs_us)} us, not at {expected_us}")
        self._suspect_us, link.standing_us = seen_us, -1

    def _step(self, v: float, omega: float, duration_us: int) -> Observation:
        frames = self._link.frames
        began_us, stood_us = self._now_us, self._stands_us
        self._command(v, omega)
        self._now_us += duration_us
        self._run_to(self._now_us - self._ahead_us)
        self._rest()
        self._run_to(self._now_us + self._ahead_us, _LOOKS_PER_S)
        self._commands_late += self._was_late(stood_us)
        self._wait_until(lambda: self._sees(self._now_us), "an image", self._force_image, _FORCE_S)
        seen = [frame for frame in frames if began_us < frame.t_us <= self._now_us]
        while frames and frames[0].t_us <= self._now_us:
            frames.popleft()
        self._frames_lost += duration_us // self._period_us - len(seen)
        return Observation(seen, self._state())

    def _sees(self, time_us: int) -> bool:
        """Whether the image of a time has come, or one after it; one of before a reset is later than the world is."""
        frames = self._link.frames
        return bool(frames) and time_us <= frames[-1].t_us <= self._stands_us

    def _command(self, v: float, omega: float) -> None:
        """Send a command and give the server time to see it: it never says so."""
        self._link.command(v, omega)
        self._rest()

    def _rest(self) -> None:
        """Let the standing server do what else it has to do: it answers questions after that."""
        link = self._link
        link.ask()
        question = link.asked  # an answer to a later one does as well, and slow answers must not be asked for for ever
        self._wait_until(lambda: question <= link.answered <= link.asked, "an answer", link.ask, _ASK_AGAIN_S)

    def _was_late(self, began_us: int) -> bool:
        """Whether the drive turned otherwise in the first step than some steps later."""
        turns = dict(self._link.turns)
        first, later = (
            turns.get(began_us + (k + 1) * self._step_us, math.nan) - turns.get(began_us + k * self._step_us, math.nan)
            for k in (0, _SOME_STEPS)
        )
        return abs(math.remainder(later - first, 2.0 * math.pi)) > _TURN_RAD if math.isfinite(later - first) else False

    def _force_image(self) -> None:
        """A frame that stays out is delayed until another one goes out: let that be taken."""
        if self._stands_us - self._now_us <= _MOST_AHEAD * self._period_us:
            self._frames_forced += 1
            self._run_to(self._stands_us + self._period_us)

    def _put(self, pose: Pose) -> None:
        """Put the resting robot down elsewhere."""
        link = self._link
        puts = 0

        def put() -> None:
            nonlocal puts
            puts += 1
            link.put(pose)

        put()
        self._wait_until(lambda: link.put_down, "a placement", put, _PLACING_S)
        if puts > 1:  # what was asked for twice may yet be done a second time
            began = time.monotonic()
            self._wait_until(lambda: time.monotonic() - began > _PLACING_S, "a placement")
        link.poses.clear()

    def _come_to_rest(self) -> Observation:
        for _ in range(_MOST_SETTLES):
            seen = self._step(0.0, 0.0, self._settle_us)
            rests = abs(seen.state.v) < _AT_REST and abs(seen.state.omega) < _AT_REST
            if rests and seen.frames and seen.frames[-1].t_us == self._now_us:
                return Observation(seen.frames[-1:], seen.state)
        raise self._link.failure(f"the robot does not come to rest: {seen.state.v:g} m/s, {seen.state.omega:g} rad/s")

    def _state(self) -> RobotState:
        """Pose and velocities at the last frame, by the poses around it; one that was lost is made up for."""
        now_us, before_us, after_us = self._now_us, self._now_us - self._step_us, self._now_us + self._ahead_us
        if not self._running:  # a running world may not have come to them
            known = {time_us for time_us, _ in self._link.poses}
            self._poses_lost += not known.issuperset((before_us, now_us, after_us))
        return state_among(self._link.poses, now_us, before_us, after_us)

    def _wait_until(
        self,
        done: Callable[[], bool],
        what: str,
        nudge: Callable[[], None] = lambda: None,
        nudge_s: float = math.inf,
    ) -> None:
        """Poll until ``done()``. ``nudge`` is called every ``nudge_s`` that it takes. Raises UserError."""
        link = self._link
        began = nudged = waited = time.monotonic()
        while not done():
            link.poll(min(nudge_s, WAIT_S))
            now = time.monotonic()
            if now - waited > WAIT_S:
                waited = now
                link.on_wait(f"{NAME}: waiting for {what}")
                link.check()
            if now - began > self._gazebo.answer_timeout_s:
                raise link.failure(f"no answer within {self._gazebo.answer_timeout_s:g} s: {what}")
            if now - nudged > nudge_s and not done():
                nudged = now
                nudge()
