"""Drives in a Gazebo, watched: how long they take, what the backend mends, where two of them part."""

import time
from dataclasses import dataclass, field

from snn_core.control.controller import Controller
from snn_core.learning.drive import DriveResult, OnWindow, columns_of, drive
from snn_core.learning.parameters import DriveParameters
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.robot import Robot
from snn_core.tasks.lane.task import LaneTask
from snn_core.tasks.log import DriveLog


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

        def watch(log: DriveLog) -> bool:
            self.digests.append((log.digest.spike_sha256, log.digest.trajectory_sha256))
            return on_window is not None and on_window(log)

        with parameters.make_task() as task:
            task.start()
            log = DriveLog(columns_of(parameters.task))
            wall_s = drive(task, controller, log, watch)
            self.counters = task.counters
        return DriveResult(log, wall_s)


def backend_wall_s(parameters: DriveParameters, driven: DriveLog) -> float:
    """Wall time (s) of the backend's steps alone, with the commands of a drive; placing the robot is not counted."""
    rows = driven.rows()
    window_us = parameters.simulator.window_us
    wall_s = 0.0
    with LaneTask(parameters.simulator) as simulator:
        simulator.start()
        assert isinstance(simulator.world, GazeboWorld)
        backend, limits, command = simulator.world.backend, Robot(parameters.simulator.robot), (0.0, 0.0)
        for row in rows:
            if row["placed"]:
                backend.place(simulator.track.pose(int(row["goal"])))
            begin = time.perf_counter()
            backend.step(*limits.limit(*command), window_us)
            wall_s += time.perf_counter() - begin
            command = (float(row["v_m_s"]), float(row["omega_rad_s"]))
    return wall_s
