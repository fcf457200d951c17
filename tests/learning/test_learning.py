"""The lane is learnt, and is not when anything that learning needs is taken away. In one process; the long runs that
the README's figures are from are the same with more time and seeds.
"""

from typing import NamedTuple

import numpy as np
import pytest

from snn_core.control.controller import Controller
from snn_core.learning.drive import DriveResult
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task
from snn_core.learning.train import CONTROLS, Control, evaluate, network_for, train
from snn_core.tasks.lane.task import LaneTask
from spikedrive_nodes.processes.shared_files import parameter_file

pytestmark = pytest.mark.slow
TRAINING_S, LATE_S, EVALUATION_S = 150.0, 100.0, 60.0


class _Trained(NamedTuple):
    parameters: DriveParameters
    controller: Controller
    result: DriveResult

    def late_resets(self) -> int:
        """Resets in the last third of training."""
        rows = self.result.log.rows()
        return int(rows["failed"][-1] - rows["failed"][rows["end_us"] <= LATE_S * 1e6][-1])


def _train(seed: int, control: Control = "none", learning_rate_per_ms: float | None = None) -> _Trained:
    parameters = load_parameters(parameter_file("lane"), seed)
    parameters = with_task(parameters, mode="train", duration_s=TRAINING_S)
    controller = Controller(network_for(parameters, learning_rate_per_ms), parameters.controller.limits, seed)
    return _Trained(parameters, controller, train(parameters, controller, control))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_lane_is_learnt(seed: int) -> None:
    trained = _train(seed)
    last = trained.result.log.last
    assert last is not None
    assert last.failed > 0  # from random weights it does leave its lane
    assert trained.late_resets() == 0
    assert last.completed >= 2
    evaluation = evaluate(trained.parameters, trained.controller, EVALUATION_S)
    assert evaluation.log.last is not None
    assert evaluation.log.last.failed == 0
    assert set(evaluation.log.rows()["goal"].tolist()) == {0, 1}
    deviation_m = LaneTask.evaluation_figures(evaluation.log)["mean_abs_deviation_m"]
    assert deviation_m is not None
    assert deviation_m < 0.015


@pytest.mark.parametrize("control", CONTROLS)
def test_resets_go_on_without_what_learning_needs(control: Control) -> None:
    # A shuffled reward lets the weights wander, and they may wander through ones that drive: those of seed 0 do for two
    # minutes.
    without = _train(1, control)
    assert without.late_resets() >= 5
    assert without.result.log.last is not None
    assert control == "shuffled-reward" or without.result.log.last.completed == 0


def test_resets_go_on_at_learning_rate_0() -> None:
    without = _train(0, learning_rate_per_ms=0.0)
    assert without.late_resets() >= 2
    initial = Controller(without.controller.spec, without.parameters.controller.limits, seed=0)
    np.testing.assert_array_equal(
        without.controller.network.connection_weights(0), initial.network.connection_weights(0)
    )
