"""The loop from events to a velocity."""

import numpy as np
import pytest

from snn_core.control.controller import Controller
from snn_core.control.safety import STOP, SafetyLimits, Velocity
from snn_core.errors import UserError
from snn_core.events.events import Events
from tests.control.test_checkpoint import SENSOR, drive, make_controller
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
