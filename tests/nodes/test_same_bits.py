"""The same seed gives the same bits in one process and over DDS, where every node is a process of its own."""

from pathlib import Path

import numpy as np
import pytest
from numpy.lib.recfunctions import repack_fields

from snn_core.control.controller import Controller
from snn_core.learning.drive import Driver, DriveResult, InProcess
from snn_core.learning.experiment import weights_of
from snn_core.learning.parameters import read_drive_parameters, with_seed, with_task
from snn_core.learning.train import evaluate, network_for, train
from snn_core.tasks.lane.task import LaneTask
from spikedrive_nodes.processes.shared_files import parameter_file

TRAINING_S, EVALUATION_S = 30.0, 6.0


NETWORKS = ("lane", "lane_reward")
"""Taught by a signed error, and by a scalar reward."""


def _run(name: str, driver: Driver, seed: int) -> tuple[DriveResult, DriveResult, Controller]:
    """Training, evaluation, and what was learnt, with the parameters that ship."""
    parameters = with_seed(read_drive_parameters(parameter_file(name), LaneTask), seed)
    parameters = with_task(parameters, mode="train", duration_s=TRAINING_S)
    controller = Controller(network_for(parameters), parameters.controller.limits, seed)
    training = train(parameters, controller, driver=driver)
    return training, evaluate(parameters, controller, EVALUATION_S, driver), controller


def _digests(result: DriveResult) -> tuple[str, str]:
    return result.log.digest.spike_sha256, result.log.digest.trajectory_sha256


def _rows(result: DriveResult) -> np.ndarray:
    """Without what a critic made of the signals, which no topic tells."""
    rows = result.log.rows()
    return repack_fields(rows[[name for name in rows.dtype.names or () if not name.startswith("critic/")]])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_in_one_process(name: str) -> None:
    training, evaluation, controller = _run(name, InProcess(), 1)
    again = _run(name, InProcess(), 1)
    assert [_digests(training), _digests(evaluation)] == [_digests(result) for result in again[:2]]
    for here, there in zip(weights_of(controller), weights_of(again[2]), strict=True):
        assert here.tobytes() == there.tobytes()
    other, _, _ = _run(name, InProcess(), 2)
    assert all(here != there for here, there in zip(_digests(training), _digests(other), strict=True))


@pytest.mark.ros
@pytest.mark.processes
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_over_dds(name: str, tmp_path: Path) -> None:
    from spikedrive_nodes.processes.over_dds import OverDds

    training, evaluation, controller = _run(name, InProcess(), 1)
    dds_training, dds_evaluation, dds_controller = _run(name, OverDds(tmp_path), 1)
    assert training.log.last is not None
    assert training.log.last.failed > 0  # else a reset would go untested
    assert _digests(dds_training) == _digests(training)
    assert _digests(dds_evaluation) == _digests(evaluation)
    assert _rows(dds_training).tobytes() == _rows(training).tobytes()
    for name, array in controller.network.state().items():
        assert dds_controller.network.state()[name].tobytes() == array.tobytes(), name
    assert dds_controller.state() == controller.state()
    assert len(dds_training.delays_us) == len(training.log)
