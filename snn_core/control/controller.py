"""The loop from events to a velocity: pooling, encoder, network, decoder, safety; one window at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from snn_core.control.decoders.differential_steering import DifferentialSteering
from snn_core.control.encoders.base import make_encoder
from snn_core.control.encoders.pooling import make_pooling
from snn_core.control.safety import STOP, SafetyLimits, Velocity, VelocityLimiter
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.pooling import Pooling
from snn_core.network.network import Network, Spikes
from snn_core.network.spec import NetworkSpec

MAX_PIXELS = 1 << 24
"""A stream that claims a larger sensor is taken for a damaged one; the largest event cameras have a tenth of it."""


class Answer(NamedTuple):
    """What the controller says at the end of a window."""

    end_us: int
    command: Velocity
    """For the window that follows."""
    spikes: Spikes


class Controller:
    """A network that drives a robot, and learns if ``network.learning`` is set.

    Windows follow each other without gaps from the time given to ``start``. Same seed, same events and rewards: the
    same bits.
    """

    def __init__(self, spec: NetworkSpec, limits: SafetyLimits, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self.network = Network(spec, seed)
        self.limiter = VelocityLimiter(limits)
        self._encoder = make_encoder(spec, seed)
        self._encoding, self._decoding = spec.driving_parts()
        self._steering = DifferentialSteering(self._decoding)
        self._pooling: Pooling | None = None
        self._first_input = self.network.span(self._encoding.population).start
        motors = self.network.span(self._decoding.population).start
        self._motors = np.array([motors + self._decoding.left, motors + self._decoding.right])
        self._decoded = list(spec.populations).index(self._decoding.population)

    @property
    def sensor(self) -> tuple[int, int] | None:
        """Width and height (pixels) of the sensor that is connected."""
        return (self._pooling.width, self._pooling.height) if self._pooling else None

    def connect_sensor(self, width: int, height: int) -> None:
        """Say how large the sensor is (pixels). Raises UserError, changing nothing, when the network is for another
        size.
        """
        if self.sensor == (width, height):
            return
        pooling = self._encoding.pooling
        if pooling.sensor not in ("any", (width, height)):
            raise UserError(
                f"network {self.spec.name!r}: is for a sensor of {pooling.sensor[0]} x {pooling.sensor[1]}, the stream "
                f"has {width} x {height}; choose another network, or say encoder.pooling.sensor: any"
            )
        if width * height > MAX_PIXELS:
            raise UserError(f"sensor of {width} x {height}: expected at most {MAX_PIXELS} pixels")
        self._pooling = make_pooling(pooling, width, height)

    def check_window(self, window_us: int) -> None:
        """Raises UserError when the source's windows (us) are not those that the network is for."""
        if window_us != self.spec.window_us:
            raise UserError(
                f"network {self.spec.name!r}: window_ms is {self.spec.window_us / 1000:g}, the source's windows are of "
                f"{window_us / 1000:g} ms; set window_ms of the source to the same"
            )

    def move_to(self, time_us: int) -> None:
        """Go on at another time. What decays is forgotten unless it is the time that the network has reached."""
        if time_us != self.network.time_us:
            self.rest()
            self.network.rest(time_us)

    def start(self, begin_us: int, keep: bool = False) -> Velocity:
        """Begin a drive at ``begin_us``, from standstill; return the command of the window that begins there.

        keep: go on with all state at the new time, as if no time had passed.
        """
        if keep:
            self.network.time_us = begin_us
        self.move_to(begin_us)
        self._steering.rest()
        self.limiter.set_last(STOP)
        return self._limit(Velocity(self._steering.v_m_s, 0.0))

    def rest(self) -> None:
        """Forget what decays (membranes, traces, eligibility, collected events); keep the weights."""
        self.network.rest()
        self._encoder.rest()
        self._steering.rest()

    def step(
        self, events: Events, reward: Sequence[float] | np.ndarray | None = None, *, placed: bool = False
    ) -> Answer:
        """Take the network through the next window.

        Args:
            events: those of the window, sorted; ``connect_sensor`` must have been called.
            reward: one value for all neurons; or two, of the left and the right motor neuron (others get 0); None sets
            none. placed: the robot was placed anew when the window began.

        Raises:
            ValueError: another number of rewards, or one that is not finite.
        """
        assert self._pooling is not None, "connect_sensor has not been called"
        spec, network = self.spec, self.network
        if placed:
            self._steering.rest()
            self.limiter.set_last(Velocity(self._steering.v_m_s, 0.0))
        if reward is not None:
            network.set_reward(self._spread(reward))
        pool = self._pooling.assign(events.x, events.y, events.polarity)
        offsets, inputs = self._encoder.encode(events.t, pool, network.time_us, spec.steps_per_window)
        spikes = network.advance(spec.steps_per_window, offsets, inputs + self._first_input)
        motors = spikes.neuron[spikes.population == self._decoded]
        n_left, n_right = (
            int(np.count_nonzero(motors == side)) for side in (self._decoding.left, self._decoding.right)
        )
        command = self._limit(Velocity(*self._steering.decode(n_left, n_right)))
        return Answer(network.time_us, command, spikes)

    def _limit(self, wanted: Velocity) -> Velocity:
        return self.limiter.limit(wanted, self.spec.window_us * 1e-6)

    def _spread(self, reward: Sequence[float] | np.ndarray) -> float | np.ndarray:
        if len(reward) == 1:
            return float(reward[0])
        if len(reward) != 2:
            raise ValueError(
                f"reward must have one value, or two for the left and the right motor neuron, found {len(reward)}"
            )
        values = np.zeros(self.network.n_neurons, np.float32)
        values[self._motors] = reward
        return values

    def copy(self) -> "Controller":
        """A controller with the same description and state, that shares nothing with this one."""
        copy = Controller(self.spec, self.limiter.limits, self.seed)
        copy.network.set_state(self.network.state(), self.network.time_us)
        copy.network.learning = self.network.learning
        copy.set_state(self.state())
        return copy

    def state(self) -> dict[str, Any]:
        """What is not in the network's arrays, as JSON can hold it."""
        return {
            "encoder": self._encoder.state(),
            "steering": [self._steering.v_m_s, self._steering.turn_m_s],
            "last": list(self.limiter.last),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what ``state`` gave. Raises ValueError, KeyError or TypeError, changing nothing, for anything
        else.
        """
        numbers = [float(value) for value in (*state["steering"], *state["last"])]
        if len(numbers) != 4 or not np.isfinite(numbers).all():
            raise ValueError("steering and last must be two finite numbers each")
        self._encoder.set_state(state["encoder"])
        self._steering.v_m_s, self._steering.turn_m_s = numbers[:2]
        self.limiter.set_last(Velocity(*numbers[2:]))
