"""SHA-256 of a drive's spikes and of its path: two runs are the same when these are."""

import hashlib

import numpy as np

from snn_core.network.network import Spikes

_SPIKE = np.dtype([("time_us", "<i8"), ("population", "<i4"), ("neuron", "<i4")])
_POINT = np.dtype([("end_us", "<i8"), ("pose", "<f8", 3), ("command", "<f8", 2)])


class DriveDigest:
    """Grows by a window at a time; windows must come in their order."""

    def __init__(self) -> None:
        self._spikes = hashlib.sha256()
        self._trajectory = hashlib.sha256()

    def add(self, end_us: int, pose: tuple[float, float, float], command: tuple[float, float], spikes: Spikes) -> None:
        """Add a window: its end, the pose that the reward sees (x m, y m, yaw rad), the command given at its end
        (m/s, rad/s).
        """
        records = np.empty(spikes.time_us.size, _SPIKE)
        records["time_us"], records["population"], records["neuron"] = spikes
        self._spikes.update(records.tobytes())
        self._trajectory.update(np.array((end_us, pose, command), _POINT).tobytes())

    @property
    def spike_sha256(self) -> str:
        """Digest of all spikes so far: time (int64 us), population and neuron (int32), little-endian."""
        return self._spikes.hexdigest()

    @property
    def trajectory_sha256(self) -> str:
        """Digest of all windows so far: end (int64 us), x, y, yaw, v, omega (float64), little-endian."""
        return self._trajectory.hexdigest()
