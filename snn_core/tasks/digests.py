"""SHA-256 of a drive's spikes and of its path: two runs are the same when these are."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from snn_core.network.network import Spikes


_SPIKE = np.dtype([("time_us", "<i8"), ("population", "<i4"), ("neuron", "<i4")])


class DriveDigest:
    """Grows by a window at a time; windows must come in their order."""

    def __init__(self) -> None:
        self._spikes = hashlib.sha256()
        self._trajectory = hashlib.sha256()

    def add(self, end_us: int, path: Iterable[float], command: Iterable[float], spikes: "Spikes") -> None:
        """Add a window: its end, where the body is as the signals see it, the command given at its end."""
        records = np.empty(spikes.time_us.size, _SPIKE)
        records["time_us"], records["population"], records["neuron"] = spikes
        self._spikes.update(records.tobytes())
        self._trajectory.update(np.array([end_us], "<i8").tobytes() + np.array([*path, *command], "<f8").tobytes())

    @property
    def spike_sha256(self) -> str:
        """Digest of all spikes so far: time (int64 us), population and neuron (int32), little-endian."""
        return self._spikes.hexdigest()

    @property
    def trajectory_sha256(self) -> str:
        """Digest of all windows so far: end (int64 us), then path and command (float64), little-endian.

        Of the lane task: x (m), y (m), yaw (rad), v (m/s) and omega (rad/s).
        """
        return self._trajectory.hexdigest()
