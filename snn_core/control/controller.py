"""The loop from events to a command: pooling, encoder, network, decoder, limits; one window at a time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from pydantic import JsonValue

from snn_core.control.command import Command, CommandLimiter
from snn_core.control.critic import TD_ERROR, VALUE_ERROR, Critic
from snn_core.control.encoders.pooling import make_pooling
from snn_core.control.safety import SafetyLimits, limits_of
from snn_core.control.signals import ERROR, REWARD, Signals, check_finite, names_of
from snn_core.control.spec import ControllerSpec, make_decoder, make_encoder
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.pooling import Pooling
from snn_core.network.network import Network, Spikes

MAX_PIXELS = 1 << 24
"""A stream that claims a larger sensor is taken for a damaged one; the largest event cameras have a tenth of it."""


class Answer(NamedTuple):
    """What the controller says at the end of a window.

    end_us: when it ended (us). spikes: of the window.
    """

    end_us: int
    command: Command
    """For the window that follows."""
    spikes: Spikes
    judged: Signals = MappingProxyType({})
    """What a critic made of the signals: its own, and for the eye ``critic/value`` and ``critic/td_error``."""


class Controller:
    """A network that drives a robot, and learns if ``network.learning`` is set.

    Windows follow each other without gaps from the time given to ``start``. Same seed, same events and signals: the
    same bits.

    spec: its description. limits: of the commands of a velocity; None: the defaults. seed: of synapses, initial weights
    and encoder. Raises UserError for a description without encoder or decoder, or with a channel that nothing limits.
    """

    def __init__(self, spec: ControllerSpec, limits: SafetyLimits | None = None, seed: int = 0) -> None:
        self.spec = spec
        self.seed = seed
        self.limits = limits or SafetyLimits()
        self.network = Network(spec, seed)
        self._encoding, decoding = spec.driving_parts()
        self._encoder = make_encoder(spec, seed)
        self._decoder = make_decoder(spec)
        self.limiter = CommandLimiter(limits_of(decoding.channels(), self.limits))
        self._pooling: Pooling | None = None
        self._first_input = self.network.span(self._encoding.population).start
        self._critic: Critic | None = None
        counted = spec.decoded_sizes(decoding)
        if spec.critic is not None:
            size = spec.populations[spec.critic.population].size
            self._critic = Critic(spec.critic, size, spec.window_us * 1e-6)
            counted[spec.critic.population] = size
        places = list(spec.populations)
        self._counted = [(name, places.index(name), size) for name, size in counted.items()]

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels of its commands, in order."""
        return self.limiter.names

    def check_channels(self, channels: tuple[str, ...]) -> None:
        """Raises UserError when a body takes other channels, or another order, than the commands have."""
        if channels != self.channels:
            raise UserError(
                f"network {self.spec.name!r}: its decoder gives {', '.join(self.channels)}, the body takes "
                f"{', '.join(channels)}; choose another network, or another decoder"
            )

    def check_signals(self, given: Signals) -> None:
        """Raises UserError when a rule follows a signal that is not given, and that the decoder cannot make."""
        if self._critic is not None:
            if self._critic.reward not in given:
                raise UserError(
                    f"network {self.spec.name!r}: its critic predicts the signal {self._critic.reward!r}, given "
                    f"are {', '.join(names_of(given)) or 'none'}; set critic.reward, or the terms of the task"
                )
            given = {**given, TD_ERROR: 0.0, VALUE_ERROR: 0.0}
        for name in self.network.signals:
            if self._value(name, given) is None:
                raise UserError(
                    f"network {self.spec.name!r}: a rule follows the signal {name!r}, given are "
                    f"{', '.join(names_of(given)) or 'none'}; set signal of the rule, or the terms of the task"
                )

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

    def start(self, begin_us: int, keep: bool = False) -> Command:
        """Begin a drive at ``begin_us``, from standstill; return the command of the window that begins there.

        keep: go on with all state at the new time, as if no time had passed.
        """
        if keep:
            self.network.time_us = begin_us
        self.move_to(begin_us)
        first = self._decoder.rest()
        self.limiter.set_last(self.limiter.stop)
        return self._limit(first)

    def rest(self) -> None:
        """Forget what decays (membranes, traces, eligibility, collected events); keep the weights."""
        self.network.rest()
        self._encoder.rest()
        self._decoder.rest()
        if self._critic is not None:
            self._critic.rest()

    def step(self, events: Events, signals: Signals | None = None, *, placed: bool = False) -> Answer:
        """Take the network through the next window.

        Args:
            events: those of the window, sorted; ``connect_sensor`` must have been called.
            signals: what teaches, by name; None sets nothing. A rule's signal is given as it is to all neurons, but
                ``error``: that is what the decoder's ``credit`` makes of the errors. So is ``reward`` where it is not
                given and the errors are.
            placed: the robot was placed at a start when the window began.

        Raises:
            ValueError: a signal that is not finite.
        """
        assert self._pooling is not None, "connect_sensor has not been called"
        spec, network = self.spec, self.network
        if placed:
            self.limiter.set_last(self._decoder.rest())
        judged: Signals = {}
        if signals is not None:
            check_finite(signals)
            if self._critic is not None and self._critic.reward in signals:
                judged = self._critic.errors(signals, placed)
            self._teach({**signals, **judged})
        pool = self._pooling.assign(events.x, events.y, events.polarity)
        offsets, inputs = self._encoder.encode(events.t, pool, network.time_us, spec.steps_per_window)
        spikes = network.advance(spec.steps_per_window, offsets, inputs + self._first_input)
        counts = {
            name: np.bincount(spikes.neuron[spikes.population == place], minlength=size)
            for name, place, size in self._counted
        }
        if self._critic is not None:
            self._critic.observe(counts[self._critic.population])
        command = self._limit(self._decoder.decode(counts))
        return Answer(network.time_us, command, spikes, judged)

    def _limit(self, wanted: Command) -> Command:
        return self.limiter.limit(wanted, self.spec.window_us * 1e-6)

    def _teach(self, signals: Signals) -> None:
        for name in self.network.signals:
            value = self._value(name, signals)
            if value is not None:
                self.network.set_signal(name, value)

    def _value(self, name: str, signals: Signals) -> float | np.ndarray | None:
        """What the rules that follow a signal are told; None when it is not given."""
        errors = self._decoder.errors
        if (name == ERROR or (name == REWARD and name not in signals)) and all(error in signals for error in errors):
            return self._spread([signals[error] for error in errors])
        return None if name == ERROR else signals.get(name)

    def _spread(self, errors: list[float]) -> np.ndarray:
        values = np.zeros(self.network.n_neurons, np.float32)
        for population, reward in self._decoder.credit(errors).items():
            values[self.network.span(population)] = reward
        return values

    def copy(self) -> "Controller":
        """A controller with the same description and state, that shares nothing with this one."""
        copy = Controller(self.spec, self.limits, self.seed)
        copy.network.set_state(self.network.state(), self.network.time_us)
        copy.network.learning = self.network.learning
        copy.set_state(self.state())
        return copy

    def state(self) -> dict[str, JsonValue]:
        """What is not in the network's arrays, as JSON can hold it."""
        critic: dict[str, JsonValue] = {} if self._critic is None else {"critic": [*self._critic.state()]}
        return {
            "encoder": self._encoder.state(),
            "decoder": [*self._decoder.state()],
            "last": [*self.limiter.last],
            **critic,
        }

    def set_state(self, state: Mapping[str, JsonValue]) -> None:
        """Take over what ``state`` gave. Raises ValueError, KeyError or TypeError, changing nothing, for anything
        else.
        """
        last = _numbers(state, "last")
        if len(last) != len(self.channels) or not np.isfinite(last).all():
            raise ValueError(f"last must be {len(self.channels)} finite numbers")
        encoder = state["encoder"]
        if not isinstance(encoder, dict):
            raise TypeError(f"encoder must be keys and values, found {encoder!r}")
        decoder, critic = self._decoder.state(), self._critic and self._critic.state()
        try:
            self._decoder.set_state(_numbers(state, "decoder"))
            if self._critic is not None:
                self._critic.set_state(_list(state, "critic"))
            self._encoder.set_state(encoder)
        except (ValueError, KeyError, TypeError):
            self._decoder.set_state(decoder)
            if self._critic is not None and critic is not None:
                self._critic.set_state(critic)
            raise
        self.limiter.set_last(Command(self.channels, tuple(last)))


def _numbers(state: Mapping[str, JsonValue], key: str) -> list[float]:
    values = _list(state, key)
    numbers = [float(number) for number in values if isinstance(number, int | float)]
    if len(numbers) != len(values):
        raise TypeError(f"{key} must be a list of numbers, found {values!r}")
    return numbers


def _list(state: Mapping[str, JsonValue], key: str) -> list[JsonValue]:
    values = state[key]
    if not isinstance(values, list):
        raise TypeError(f"{key} must be a list of numbers, found {values!r}")
    return values
