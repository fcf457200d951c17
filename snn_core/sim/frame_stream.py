"""A camera's stream of frames as a stream of events, over all that happens to such streams."""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from snn_core.events.events import Events
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.frames import FrameEvents, FrameResponse

_JUMP_US = 1_000_000
"""A time so far back is a clock that restarted; a lesser step is a frame that came late (as for events)."""


class DvsEmulatorParameters(FrameResponse):
    """Parameters of the node ``dvs_emulator``: its pixels, and how frames come and events go."""

    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of the pixels' mismatch and noise")
    pixel: EventPixelSpec = Field(default_factory=EventPixelSpec)
    max_gap_ms: float = Field(
        default=500.0,
        ge=1,
        le=4000,
        description="frames further apart give no events: the later one is what the next is compared with (ms)",
    )
    image_timeout_s: float = Field(default=1.0, gt=0, le=3600, description="no image: say so (s, wall time)")
    image_reliability: Literal["auto", "reliable", "best_effort"] = Field(
        default="auto", description="QoS asked of image; auto: reliable, and best effort where no more is offered"
    )
    packet_bytes: int = Field(default=65536, ge=8, le=4_194_304, description="largest event data of a packet (bytes)")
    frame_id: str = Field(default="", description="frame of the events; empty: that of the image")


class FrameWindow(NamedTuple):
    """The events between two frames, at times in [begin_us, end_us), and what was remarkable about the later one.

    remark: empty, or why this frame is compared with none before it. Then there are no events.
    """

    begin_us: int
    end_us: int
    events: Events
    remark: str = ""


class FrameStream:
    """Makes events of frames as they come. A frame that cannot follow the one before restarts the stream.

    That is: the first one, one of another size or type, and one more than ``max_gap_ms`` later. It is also one of a
    clock that has gone back, by more than 1 s or in two frames that follow each other. Other frames that are not later
    than the one before are dropped.
    """

    def __init__(self, parameters: DvsEmulatorParameters) -> None:
        self._parameters = parameters
        self._rng = np.random.default_rng(parameters.seed)
        self._frames: FrameEvents | None = None
        self._form: tuple[tuple[int, ...], np.dtype] | None = None
        self._dropped_us: int | None = None
        self.dropped = 0
        """Frames that were not later than the one before."""
        self.restarts = 0
        """Frames that restarted the stream, the first one not counted."""

    def take(self, image: np.ndarray, t_us: int) -> FrameWindow | None:
        """The events up to an image, uint8 or uint16 (height, width), of a time (us); None when it is dropped."""
        frames, form = self._frames, (image.shape, image.dtype)
        if frames is None or form != self._form:
            return self._begin(image, t_us, f"{image.shape[1]} x {image.shape[0]} px of {8 * image.itemsize} bits")
        begin_us = frames.now_us
        if t_us <= begin_us:
            began_anew = begin_us - t_us > _JUMP_US or (self._dropped_us is not None and self._dropped_us < t_us)
            if not began_anew:
                self.dropped += 1
                self._dropped_us = t_us
                return None
            return self._begin(image, t_us, f"time went back by {1e-6 * (begin_us - t_us):.3f} s")
        self._dropped_us = None
        if t_us - begin_us > 1000 * self._parameters.max_gap_ms:
            return self._begin(image, t_us, f"no image for {1e-6 * (t_us - begin_us):.3f} s of the camera's time")
        return FrameWindow(begin_us, t_us, frames.update(image, t_us))

    def _begin(self, image: np.ndarray, t_us: int, remark: str) -> FrameWindow:
        if self._frames is not None:
            self.restarts += 1
        if self._frames is None or self._form is None or image.shape != self._form[0]:
            height, width = image.shape
            self._frames = FrameEvents(self._parameters.pixel, width, height, self._rng, self._parameters)
        self._frames.reset(image, t_us)
        self._form, self._dropped_us = (image.shape, image.dtype), None
        return FrameWindow(t_us, t_us, Events.empty(), remark)
