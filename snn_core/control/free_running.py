"""Free running: when a window ends that nobody ends for us.

Event time and wall time are two clocks, and event time may be the slower one, as in a simulator that is delayed. While
packets come, their times end the windows. When none comes, event time is taken to go on from the newest packet as wall
time does.
"""

from enum import Enum

JUMP_US = 1_000_000
"""us by which event time may step from packet to packet; a stream that steps further restarts."""


class Course(Enum):
    """How a packet goes on from the one before."""

    GOES_ON = "goes on"
    BEGINS = "begins"
    """The first packet, and the first after a silence that stopped the robot."""
    JUMPED_AHEAD = "jumped ahead"
    JUMPED_BACK = "jumped back"


class WindowClock:
    """Ends windows of ``window_us`` by the stream, or by the wall clock when it is silent for less than ``timeout_us``.

    ``timeout_us`` 0: silence never counts as the end of the stream.
    """

    def __init__(self, window_us: int, timeout_us: int) -> None:
        self._window_us = window_us
        self._timeout_us = timeout_us
        self._last_packet_us: int | None = None
        self._newest_us: int | None = None
        self._newest_wall_us = 0
        self.begin_us: int | None = None

    def observe(self, wall_us: int, event_us: int) -> Course:
        """A packet with events up to ``event_us`` has come: a jump is a step of more than ``JUMP_US`` from the newest.

        Unless it goes on, a new sequence of windows begins with it.
        """
        step_us = 0 if self._newest_us is None else event_us - self._newest_us
        if abs(step_us) > JUMP_US:
            course = Course.JUMPED_BACK if step_us < 0 else Course.JUMPED_AHEAD
        else:
            course = Course.BEGINS if self._newest_us is None or self.silent(wall_us) else Course.GOES_ON
        if course != Course.GOES_ON:
            self.begin_us = event_us
            self._newest_us = None
        if self._newest_us is None or event_us > self._newest_us:
            self._newest_us, self._newest_wall_us = event_us, wall_us
        self._last_packet_us = wall_us
        return course

    def observe_empty(self, wall_us: int) -> None:
        """A packet without events and without a time of its own has come: the stream lives."""
        self._last_packet_us = wall_us

    def silent(self, wall_us: int) -> bool:
        """Whether the stream has been silent for longer than the timeout (or has not begun)."""
        if self._last_packet_us is None:
            return True
        return 0 < self._timeout_us < wall_us - self._last_packet_us

    def ended(self, wall_us: int) -> bool:
        """Whether the window that begins at ``begin_us`` has ended."""
        if self.begin_us is None or self._newest_us is None or self.silent(wall_us):
            return False
        end_us = self.begin_us + self._window_us
        if self._newest_us >= end_us:
            return True
        now_us = self._newest_us + wall_us - self._newest_wall_us
        # A tenth of a window of patience, so that packets on their way are not late.
        return now_us >= end_us + self._window_us // 10

    def advance(self) -> None:
        """The window has been stepped; the next one begins at its end."""
        assert self.begin_us is not None
        self.begin_us += self._window_us
