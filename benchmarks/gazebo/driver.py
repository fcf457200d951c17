"""Drives in a Gazebo, watched: how long they take, what the backend mends, where two of them part."""

import time
from dataclasses import dataclass, field

from snn_core.control.controller import Controller
from snn_core.learning.drive import DriveResult, OnWindow, steps
from snn_core.learning.log import DriveLog
from snn_core.learning.parameters import DriveParameters
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.robot import Robot
from snn_core.tasks.lane.reward import LaneReward
from snn_core.tasks.lane.simulator import LaneSimulator


@dataclass
class WatchedDriver:
    """The driver (see ``snn_core.learning.drive.Driver``) in this process; starting a server counts for no wall time.

    counters: the backend's, at the last drive's end. digests: SHA-256 of spikes and of the path, after each window.
    """

    counters: dict[str, int] = field(default_factory=dict)
    digests: list[tuple[str, str]] = field(default_factory=list)

    def __call__(
        self, parameters: DriveParameters, controller: Controller, on_window: OnWindow | None = None
    ) -> DriveResult:
        """See ``Driver``."""
        self.digests = []
        with LaneSimulator(parameters.simulator) as simulator:
            simulator.start()
            reward = LaneReward(parameters.reward, simulator.track)
            log = DriveLog(simulator.track)
            begin = time.perf_counter()
            for step in steps(simulator, reward, controller):
                log.add(step.row(), step.answer.spikes, step.events)
                self.digests.append((log.digest.spike_sha256, log.digest.trajectory_sha256))
                if on_window is not None and on_window(log):
                    break
            wall_s = time.perf_counter() - begin
            self.counters = simulator.counters
        return DriveResult(log, wall_s)


def backend_wall_s(parameters: DriveParameters, driven: DriveLog) -> float:
    """Wall time (s) of the backend's steps alone, with the commands of a drive; placing the robot is not counted."""
    rows = driven.rows()
    window_us = 1000 * parameters.simulator.window_ms
    wall_s = 0.0
    with LaneSimulator(parameters.simulator) as simulator:
        simulator.start()
        assert isinstance(simulator.world, GazeboWorld)
        backend, limits, command = simulator.world.backend, Robot(parameters.simulator.robot), (0.0, 0.0)
        for row in rows:
            if row["placed"]:
                backend.place(simulator.track.pose(int(row["lane"])))
            begin = time.perf_counter()
            backend.step(*limits.limit(*command), window_us)
            wall_s += time.perf_counter() - begin
            command = (float(row["v_m_s"]), float(row["omega_rad_s"]))
    return wall_s
