"""The loop from events to a velocity."""

import numpy as np
import pytest

from snn_core.control.controller import Controller
from snn_core.control.encoders.pooling import make_pooling
from snn_core.control.encoders.pooling_spec import LogPolarSpec, RectanglesSpec
from snn_core.control.safety import STOP, SafetyLimits, Velocity
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.learning.warm_up import compile_controller
from snn_core.network.spec import NetworkSpec
from tests.control.test_checkpoint import SENSOR, drive, make_controller
from tests.events.streams import make_events
from tests.network.networks import spec


def test_first_command_starts_from_standstill_within_the_limits():
    controller = make_controller()
    assert controller.limiter.last == STOP
    assert controller.start(0) == pytest.approx(Velocity(0.5, 0.0))  # 10 m/s^2 for 50 ms, towards v_min = 1 m/s


def test_a_robot_placed_anew_begins_slow_and_straight():
    controller = make_controller()
    drive(controller, 20)
    at_rest = controller.copy()
    at_rest.connect_sensor(*SENSOR)
    at_rest.set_state(controller.state() | {"steering": [1.0, 0.0], "last": [1.0, 0.0]})
    assert controller.state()["steering"] != [1.0, 0.0]

    assert controller.step(Events.empty(), placed=True).command == at_rest.step(Events.empty()).command


def test_reward_reaches_the_motor_neurons_by_their_sides():
    controller = make_controller()
    controller.step(Events.empty(), [0.25, -0.5])
    controller.network.set_reward(0.0)
    controller.step(Events.empty(), [1.0, -2.0])
    # tau_reward_ms is 200: n has decayed for the 50 steps of the window.
    decay = np.exp(-50 / 200)
    np.testing.assert_allclose(controller.network.connection_traces(0)["reward"], [decay, -2 * decay], rtol=1e-4)
    controller.step(Events.empty(), [0.5])
    np.testing.assert_allclose(controller.network.connection_traces(0)["reward"], [0.5 * decay] * 2, rtol=1e-4)


@pytest.mark.parametrize("reward", [[], [1.0, 2.0, 3.0]])
def test_another_number_of_rewards_is_refused(reward):
    with pytest.raises(ValueError, match="one value, or two"):
        make_controller().step(Events.empty(), reward)


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
    fixed = Controller(spec(encoder=encoder), SafetyLimits(), 0)
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
    controller = Controller(spec(encoder=encoder), SafetyLimits(), 0)
    controller.connect_sensor(*SENSOR)
    event = Events(
        np.array([10_000]), np.array([x], np.uint16), np.array([3], np.uint16), np.array([polarity], np.uint8)
    )
    controller.step(event)
    assert np.flatnonzero(controller.network.connection_traces(0)["x_pre"]).tolist() == [expected]


def test_a_fovea_may_be_what_the_network_sees():
    described = spec().model_dump(mode="json")
    size = described["populations"]["input"]["size"]
    described["encoder"] = {
        "code": "event_driven",
        "population": "input",
        "pooling": {"kind": "log_polar", "rings": 1, "sectors": size, "fovea_px": 4.0},
        "events_per_spike": 1,
    }
    controller = Controller(NetworkSpec.model_validate(described), SafetyLimits(), 0)
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
    controller = Controller(spec(inputs=70, encoder=encoder), SafetyLimits(), 0)
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
