"""Libraries that make events of frames, each by its quickest call that does it without noise."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from snn_core.events.events import Events
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.frames import FrameEvents, FrameResponse

THRESHOLD = 0.2
PERIOD_US = 10_000
"""From frame to frame."""

PACKAGES = {"spikedrive": "snn_core", "eventcv": "eventcv", "eventify-dvs": "eventify"}
"""The libraries, and what each is imported as."""


class Candidate(NamedTuple):
    """A library's way from frames, uint8 (frames, height, width), to events.

    run: what is timed. columns: x, y and polarity of what it returned, each of shape (n).
    """

    run: Callable[[], Any]
    columns: Callable[[Any], tuple[np.ndarray, np.ndarray, np.ndarray]]
    note: str = ""


def _spikedrive(response: FrameResponse) -> Callable[[np.ndarray], Candidate]:
    spec = EventPixelSpec(
        threshold_on=THRESHOLD, threshold_off=THRESHOLD, threshold_mismatch=0.0, refractory_us=0, leak_rate_hz=0.0,
        shot_noise_rate_hz=0.0,
    )  # fmt: skip

    def prepare(frames: np.ndarray) -> Candidate:
        pixels = FrameEvents(spec, frames.shape[2], frames.shape[1], 0, response)

        def run() -> list[Any]:
            pixels.reset(frames[0], 0)
            return [pixels.update(frame, PERIOD_US * k) for k, frame in enumerate(frames[1:], 1)]

        def columns(made: list[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            events = Events.concatenate(made)
            return events.x, events.y, events.polarity

        return Candidate(run, columns)

    return prepare


def _eventcv(frames: np.ndarray) -> Candidate:
    import eventcv  # type: ignore[reportMissingImports]

    def run() -> Any:
        return eventcv.simulate(
            frames, fps=1e6 / PERIOD_US, pos_thres=THRESHOLD, neg_thres=THRESHOLD, sigma_thres=0.0, refractory_us=0,
            cutoff_hz=0.0, leak_rate_hz=0.0, shot_noise_rate_hz=0.0, upsample="off",
        )  # fmt: skip

    def columns(made: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y, _, polarity = made.numpy().T
        return x, y, polarity

    return Candidate(run, columns)


def _eventify(frames: np.ndarray) -> Candidate:
    from eventify import frame_to_event_tuples  # type: ignore[reportMissingImports]

    def run() -> list[np.ndarray]:
        return [
            frame_to_event_tuples(before, after, PERIOD_US * k, PERIOD_US * (k + 1), c_thresh=THRESHOLD)
            for k, (before, after) in enumerate(pairwise(frames))
        ]

    def columns(made: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        events = np.concatenate(made)
        return events["x"], events["y"], events["p"]

    return Candidate(run, columns, "forgets between frames what is less than a threshold; its events are not in order")


TASKS: dict[str, Mapping[str, Callable[[np.ndarray], Candidate]]] = {
    "srgb": {"spikedrive": _spikedrive(FrameResponse(response="srgb")), "eventcv": _eventcv},
    "log": {"spikedrive": _spikedrive(FrameResponse(linear_below=2.0)), "eventify-dvs": _eventify},
}
"""By the response that the libraries of a task share: v2e's to intensities decoded from sRGB, or a logarithm of the
numbers as they are."""


def available() -> list[str]:
    """The libraries that are installed here."""
    return [name for name, package in PACKAGES.items() if importlib.util.find_spec(package) is not None]
