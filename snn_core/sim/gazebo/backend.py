"""What a simulator that renders frames does for the lane task; a backend is one file that does it."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from snn_core.sim.track import Pose

OnWait = Callable[[str], None]
"""Called some ten times a second while a backend waits, with what for; what it raises ends the waiting."""


class Frame(NamedTuple):
    """A camera image: simulated time (us, of the backend's clock) and uint8 intensities (height, width)."""

    t_us: int
    image: np.ndarray


class RobotState(NamedTuple):
    """The robot's true pose (m, m, rad; in the track's frame) and velocity (m/s, rad/s) at a simulated time (us)."""

    t_us: int
    pose: Pose
    v: float
    omega: float


class Observation(NamedTuple):
    """The frames of an interval, in order, and the robot's state at its end."""

    frames: list[Frame]
    state: RobotState


class WorldDisturbedError(Exception):
    """Something else has reset the world or let it run; the backend goes on from there. The robot must be re-placed."""


class Backend(Protocol):
    """A simulator in a process of its own, with the world, the robot and the camera that its settings describe.

    Every method that waits raises UserError, in one line with the end of the server's log, when the server is missing,
    has ended, or has not answered in time. After that only ``stop`` may be called. Every method that waits may also
    raise WorldDisturbedError, when the world's time is not what it should be.
    """

    @property
    def pids(self) -> list[int]:
        """Process ids of what was started: the server first, if this started it."""
        ...

    @property
    def counters(self) -> dict[str, int]:
        """What went other than it should and was mended, by name."""
        ...

    def start(self) -> None:
        """Start the server, or attach to one that runs; the world is there and stands still."""
        ...

    def step(self, v: float, omega: float, duration_us: int) -> Observation:
        """Lockstep: send a command (m/s, rad/s), let the world run for ``duration_us``, return what the camera saw.

        That is exactly the frames with times in (now, now + duration_us], the last of them at the interval's end.
        """
        ...

    def place(self, pose: Pose) -> Observation:
        """Put the robot at a pose, at rest: zero command, set the pose, steps until its velocities are under 1 mm/s
        (and 1 mrad/s). The only frame returned shows the view from there. In lockstep and free running alike.
        """
        ...

    def run(self, real_time_factor: float = 1.0) -> None:
        """Free running: the world runs by itself from now on, so many simulated seconds in one of wall time."""
        ...

    def send(self, v: float, omega: float) -> None:
        """Free running: send a command (m/s, rad/s) at once."""
        ...

    def take(self, timeout_s: float) -> Observation | None:
        """Free running: what has come since the last call, waiting up to ``timeout_s`` (s) for a frame; None when
        none has come. The state is the newest that is not later than the last frame.
        """
        ...

    def stop(self) -> None:
        """End the server, if this started it, and all that belongs to it; never raises."""
        ...
