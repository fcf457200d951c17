"""The loop from events to a command, and from signals to what teaches each neuron."""

import numpy as np
import pytest

from snn_core.control.command import STOP
from snn_core.control.controller import Controller
from snn_core.control.encoders.pooling import make_pooling
from snn_core.control.encoders.pooling_spec import LogPolarSpec, RectanglesSpec
from snn_core.control.safety import SafetyLimits
from snn_core.control.spec import ControllerSpec
from snn_core.control.warm_up import compile_controller
from snn_core.errors import UserError
from snn_core.events.events import Events
from tests.control.test_checkpoint import SENSOR, drive, make_controller
from tests.events.streams import make_events
from tests.network.networks import RULE, controller_description, controller_spec


def test_first_command_starts_from_standstill_within_the_limits():
    controller = make_controller()
    assert controller.limiter.last == STOP
    assert controller.start(0).values == pytest.approx((0.5, 0.0))  # 10 m/s^2 for 50 ms, towards v_min = 1 m/s


def test_a_robot_placed_anew_begins_slow_and_straight():
    controller = make_controller()
    drive(controller, 20)
    at_rest = controller.copy()
    at_rest.connect_sensor(*SENSOR)
    at_rest.set_state({**controller.state(), "decoder": [1.0, 0.0], "last": [1.0, 0.0]})
    assert controller.state()["decoder"] != [1.0, 0.0]

    assert controller.step(Events.empty(), placed=True).command == at_rest.step(Events.empty()).command


# What teaches

DECAY = np.exp(-50 / 200)
"""What is left of a reward after the 50 steps of a window: tau_reward_ms is 200."""


def rewards(controller: Controller, connection: int = 0) -> np.ndarray:
    return controller.network.connection_traces(connection)["reward"]


def taught(controller: Controller, signals: dict[str, float]) -> None:
    """A window without events, with these signals and nothing left of earlier ones."""
    for name in controller.network.signals:
        controller.network.set_signal(name, 0.0)
    controller.step(Events.empty(), signals)


def with_rules(*signals: str | None, **changes) -> Controller:
    """A controller with a connection for each signal, whose rule follows it; None: as a file that names none."""
    data = controller_description(**changes)
    (connection,) = data["connections"]
    named = [{} if signal is None else {"signal": signal} for signal in signals]
    data["connections"] = [{**connection, "rule": {**RULE, **rule}} for rule in named]
    controller = Controller(ControllerSpec.model_validate(data), SafetyLimits(), 0)
    controller.connect_sensor(*SENSOR)
    return controller


def test_an_error_reaches_the_motor_neurons_by_their_sides_and_a_reward_all_alike():
    controller = make_controller()
    controller.step(Events.empty(), {"error": 0.25})
    taught(controller, {"error": 1.5, "error/deviation": 1.5})
    np.testing.assert_allclose(rewards(controller), [1.5 * DECAY, -1.5 * DECAY], rtol=1e-4)
    taught(controller, {"reward": 0.5})
    np.testing.assert_allclose(rewards(controller), [0.5 * DECAY] * 2, rtol=1e-4)


def test_an_error_goes_to_the_neurons_that_the_decoder_reads():
    decoder = {"code": "differential_steering", "population": "motor", "left": 2, "right": 0}
    controller = with_rules(None, neurons=3, decoder=decoder)
    taught(controller, {"error": 2.0})
    np.testing.assert_allclose(rewards(controller), [-2 * DECAY, 0.0, 2 * DECAY], rtol=1e-4)


def test_a_reward_that_is_given_goes_before_the_error():
    controller = with_rules(None, "error")
    taught(controller, {"error": 1.0, "reward": 0.5})
    np.testing.assert_allclose(rewards(controller, 0), [0.5 * DECAY] * 2, rtol=1e-4)
    np.testing.assert_allclose(rewards(controller, 1), [DECAY, -DECAY], rtol=1e-4)


def test_no_signals_teach_nothing_new():
    controller, other = make_controller(), make_controller()
    for each in (controller, other):
        taught(each, {"reward": 1.0})
    controller.step(Events.empty(), None)
    other.step(Events.empty(), {"novelty": 5.0})
    np.testing.assert_allclose(rewards(controller), [DECAY**2] * 2, rtol=1e-4)
    np.testing.assert_array_equal(rewards(other), rewards(controller))


def test_each_rule_follows_its_signal():
    controller = with_rules("novelty", "reward", "novelty")
    assert controller.network.signals == ("novelty", "reward")
    taught(controller, {"novelty": 3.0, "reward": -0.5})
    for place, expected in enumerate((3.0, -0.5, 3.0)):
        np.testing.assert_allclose(rewards(controller, place), [expected * DECAY] * 2, rtol=1e-4)
    taught(controller, {"novelty": 1.0})
    np.testing.assert_allclose(rewards(controller, 0), [DECAY] * 2, rtol=1e-4)
    np.testing.assert_array_equal(rewards(controller, 1), [0.0, 0.0])


def test_the_signal_of_a_rule_changes_its_weights_and_no_others():
    controller = with_rules("novelty", "reward")
    learnt = [controller.network.connection_weights(place) for place in range(2)]
    for _ in range(20):
        begin = controller.network.time_us
        events = make_events([(begin + 500 * k, 4 * (k % 4), 0, 1) for k in range(100)])
        controller.step(events, {"novelty": 1.0, "reward": 0.0})
    changes = [controller.network.connection_weights(place) - learnt[place] for place in range(2)]
    assert np.abs(changes[0]).max() > 1e-3
    np.testing.assert_array_equal(changes[1], 0.0)


PUSH_PULL = {
    "code": "push_pull",
    "command": {
        "force_n": {"low": -1.0, "high": 1.0, "raises": "up", "lowers": "down"},
        "lift_n": {"low": 0.0, "high": 2.0, "raises": "up", "lowers": "side"},
    },
}


def several_channels() -> Controller:
    """A controller of two channels and three populations, each learning."""
    data = controller_description(decoder=PUSH_PULL)
    (connection,) = data["connections"]
    motor = data["populations"].pop("motor")
    data["populations"] |= {name: {**motor, "size": size} for name, size in (("up", 2), ("down", 1), ("side", 3))}
    data["connections"] = [{**connection, "post": name} for name in ("up", "down", "side")]
    controller = Controller(ControllerSpec.model_validate(data), SafetyLimits(), 0)
    controller.connect_sensor(*SENSOR)
    return controller


def test_errors_of_several_channels_reach_the_populations_of_each():
    controller = several_channels()
    assert controller.channels == ("force_n", "lift_n")
    taught(controller, {"error.force_n": 1.0, "error.lift_n": -0.25})
    np.testing.assert_allclose(rewards(controller, 0), [0.75 * DECAY] * 2, rtol=1e-4)
    np.testing.assert_allclose(rewards(controller, 1), [-DECAY], rtol=1e-4)
    np.testing.assert_allclose(rewards(controller, 2), [0.25 * DECAY] * 3, rtol=1e-4)


@pytest.mark.parametrize(
    ("signals", "given"),
    [
        ({"reward": 1.0, "reward/progress": 1.0}, "reward"),
        ({"error": 1.0, "error/deviation": 1.0, "surprise": 0.0}, "error, surprise"),
        ({}, "none"),
    ],
    ids=["reward", "error", "none"],
)
def test_a_signal_that_is_not_given_is_refused_by_name(signals, given):
    with pytest.raises(UserError) as caught:
        with_rules("reward", "novelty").check_signals({"reward": 0.0, **signals} if given == "reward" else signals)
    missing = "novelty" if given != "none" else "reward"
    assert f"network 'test': a rule follows the signal '{missing}', given are {given}; set signal" in str(caught.value)


def test_signals_that_are_given_or_that_the_decoder_makes_are_enough():
    with_rules("novelty").check_signals({"novelty": 1.0})
    with_rules(None, "error").check_signals({"error": 1.0})
    with_rules(None).check_signals({"reward": 1.0})
    several_channels().check_signals({"error.force_n": 1.0, "error.lift_n": 0.0})
    for lacking in ({"error": 1.0}, {"error.force_n": 1.0}):
        with pytest.raises(UserError, match=f"'reward', given are {next(iter(lacking))};"):
            several_channels().check_signals(lacking)
    with pytest.raises(UserError, match="'error', given are reward;"):
        with_rules("error").check_signals({"reward": 1.0})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_signal_that_is_not_finite_is_refused_by_name(value):
    controller = make_controller()
    before = {name: array.copy() for name, array in controller.network.state().items()}
    with pytest.raises(ValueError, match="signal error must be finite"):
        controller.step(Events.empty(), {"reward": 1.0, "error": value})
    for name, array in controller.network.state().items():
        np.testing.assert_array_equal(array, before[name])
    assert controller.network.time_us == 0


# What a body takes


def test_a_body_with_other_channels_is_refused():
    several_channels().check_channels(("force_n", "lift_n"))
    make_controller().check_channels(("v_m_s", "omega_rad_s"))
    for channels in (("omega_rad_s", "v_m_s"), ("v_m_s",)):
        with pytest.raises(UserError, match=f"gives v_m_s, omega_rad_s, the body takes {', '.join(channels)};"):
            make_controller().check_channels(channels)


def test_a_channel_goes_no_further_than_its_limits():
    limited = {**PUSH_PULL, "command": {"force_n": {**PUSH_PULL["command"]["force_n"], "tau_ms": 0.0}}}
    limited["command"]["force_n"] |= {"raises": "motor", "lowers": "rest", "full_rate_hz": 1.0, "max_rate_per_s": 8.0}
    data = controller_description(decoder=limited)
    data["populations"]["rest"] = {**data["populations"]["motor"]}
    data["connections"][0]["weights"] = {"distribution": "constant", "value_na": 3.0}
    data["encoder"]["events_per_spike"] = 1
    controller = Controller(ControllerSpec.model_validate(data), SafetyLimits(), 0)
    controller.connect_sensor(*SENSOR)
    controller.network.learning = False
    given = [controller.start(0)["force_n"]]
    for _ in range(4):
        begin = controller.network.time_us
        events = make_events([(begin + 500 * k, 4 * (k % 4), 0, 1) for k in range(100)])
        given.append(controller.step(events).command["force_n"])
    assert given == pytest.approx([0.0, 0.4, 0.8, 1.0, 1.0])


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_network_without_encoder_or_decoder_drives_nothing(part):
    with pytest.raises(UserError, match=f"network 'test': {part}: expected one"):
        Controller(controller_spec(**{part: None}))


def test_moving_in_time_forgets_what_decays_and_keeps_the_weights():
    controller = make_controller()
    drive(controller, 10)
    weights = controller.network.connection_weights(0)
    controller.move_to(10**9)
    assert not controller.network.connection_eligibility(0).any()
    np.testing.assert_array_equal(controller.network.connection_weights(0), weights)
    assert controller.network.time_us == 10**9


def test_going_on_at_the_same_time_forgets_nothing():
    controller = make_controller()
    drive(controller, 10)
    before = controller.network.connection_eligibility(0)
    controller.start(controller.network.time_us)
    np.testing.assert_array_equal(controller.network.connection_eligibility(0), before)


def test_sensor_and_window_must_fit_the_network():
    encoder = {
        "code": "event_driven",
        "population": "input",
        "events_per_spike": 1,
        "pooling": {"rows": 1, "columns": 4, "sensor": list(SENSOR)},
    }
    controller = make_controller()
    controller.connect_sensor(640, 480)
    assert controller.sensor == (640, 480)
    with pytest.raises(UserError, match=r"50.*20 ms"):
        controller.check_window(20_000)
    with pytest.raises(UserError, match="at most 16777216 pixels"):
        controller.connect_sensor(32768, 32768)
    fixed = Controller(controller_spec(encoder=encoder), SafetyLimits(), 0)
    with pytest.raises(UserError, match=r"16 x 8.*640 x 480"):
        fixed.connect_sensor(640, 480)
    assert fixed.sensor is None


@pytest.mark.parametrize(("polarity", "x", "expected"), [(0, 0, 0), (0, 15, 1), (1, 0, 2), (1, 15, 3)])
def test_separate_polarities_are_inputs_of_their_own(polarity, x, expected):
    encoder = {
        "code": "event_driven",
        "population": "input",
        "events_per_spike": 1,
        "pooling": {"rows": 1, "columns": 2, "polarity": "separate"},
    }
    controller = Controller(controller_spec(encoder=encoder), SafetyLimits(), 0)
    controller.connect_sensor(*SENSOR)
    event = Events(
        np.array([10_000]), np.array([x], np.uint16), np.array([3], np.uint16), np.array([polarity], np.uint8)
    )
    controller.step(event)
    assert np.flatnonzero(controller.network.connection_traces(0)["x_pre"]).tolist() == [expected]


def test_a_fovea_may_be_what_the_network_sees():
    described = controller_spec().model_dump(mode="json")
    size = described["populations"]["input"]["size"]
    described["encoder"] = {
        "code": "event_driven",
        "population": "input",
        "pooling": {"kind": "log_polar", "rings": 1, "sectors": size, "fovea_px": 4.0},
        "events_per_spike": 1,
    }
    controller = Controller(ControllerSpec.model_validate(described), SafetyLimits(), 0)
    with pytest.raises(UserError, match="pooling: "):
        controller.connect_sensor(1, 1)
    controller.connect_sensor(64, 64)
    controller.start(0)
    answer = controller.step(make_events([(0, 31, 60, 1), (1, 31, 1, 1), (2, 0, 0, 1)]))
    assert answer.end_us == controller.network.time_us


@pytest.mark.parametrize(
    "pooling",
    [
        {"rows": 70, "columns": 1, "crop": {"top": 10}},
        {"kind": "log_polar", "rings": 7, "sectors": 10, "fovea_px": 20.0, "radius_px": 300.0, "centre": (310, 350)},
    ],
)
def test_a_controller_is_compiled_for_any_camera_that_it_takes(pooling):
    encoder = {"code": "event_driven", "population": "input", "events_per_spike": 1, "pooling": pooling}
    controller = Controller(controller_spec(inputs=70, encoder=encoder), SafetyLimits(), 0)
    compile_controller(controller)
    assert controller.sensor is None


def test_pools_are_those_of_the_description():
    log_polar = LogPolarSpec(kind="log_polar", rings=2, sectors=8, fovea_px=4.0, polarity="separate")
    pooling = make_pooling(log_polar, 64, 64)
    assert pooling.size == log_polar.size == 32
    # Below the centre, a quarter turn from the right, in the outer ring of the ON events.
    (pool,) = pooling.assign(np.array([31], np.uint16), np.array([60], np.uint16), np.array([1], np.uint8))
    assert pool == 16 + 8 + 2
    rectangles = RectanglesSpec(rows=2, columns=3)
    assert make_pooling(rectangles, 64, 64).size == rectangles.size == 6
