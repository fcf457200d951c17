"""Frames to make events of: a drive along the lane, and a texture that moves everywhere."""

from collections.abc import Callable

import numpy as np

from snn_core.sim.camera import CameraSpec
from snn_core.sim.track import load_track
from snn_core.tasks.lane.task import SimulatorSettings
from spikedrive_benchmarks.frames.embedded import EmbeddedBackend
from spikedrive_benchmarks.frames.rates import drive


def _lane(width: int, height: int, frames: int) -> np.ndarray:
    settings = SimulatorSettings(camera=CameraSpec(width=width, height=height))
    track = load_track(settings.track)
    source = EmbeddedBackend(track, settings.camera, settings.robot, 100)
    return np.stack([frame.image for frame in drive(source, track, frames / 100).frames])


def _texture(width: int, height: int, frames: int) -> np.ndarray:
    """Smooth random patches, 8 px wide, that move by a pixel from frame to frame."""
    import cv2

    patches = np.random.default_rng(0).integers(30, 231, (height // 8 + 2, (width + frames) // 8 + 2), np.uint8)
    whole = cv2.resize(patches, (width + frames + 8, height + 8), interpolation=cv2.INTER_CUBIC)
    return np.stack([whole[:height, k : k + width] for k in range(frames + 1)])


FILMS: dict[str, Callable[[int], np.ndarray]] = {
    "lane 128 x 128": lambda frames: _lane(128, 128, frames),
    "lane 640 x 480": lambda frames: _lane(640, 480, frames),
    "texture 640 x 480": lambda frames: _texture(640, 480, frames),
}
"""uint8 (frames + 1, height, width), by the number of frames, an even one; 100 a second."""
