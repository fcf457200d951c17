"""The rules of the lane task: when the robot is put at a start, on which lane, and when a run is over. No physics."""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from snn_core.errors import UserError
from snn_core.sim.track import LanePosition, Track
from snn_core.tasks.base import RunSpec


class LaneTaskSpec(RunSpec):
    """Rules of a run on the lanes of a track."""

    mode: Literal["train", "evaluate"] = Field(
        default="train",
        description="train: other lane after each reset and lap; evaluate: half of duration_s on each lane",
    )
    max_deviation_m: float = Field(
        default=0.2, gt=0.0, le=10.0, description="reset when further from the lane's centre (m)"
    )
    settled_s: float = Field(
        default=0.0, ge=0.0, le=1e7, description="also end after so long without a reset (s); 0: off"
    )
    settled_laps: int = Field(
        default=0, ge=0, le=1000, description="... and so many laps on each lane without one; 0: off"
    )
    start: Literal["auto", "straight", "line", "anywhere"] = Field(
        default="auto",
        description="placed where the longest straight begins, at arc length 0 (line), or anywhere, drawn by the seed; "
        "auto: straight, and line on a track without",
    )
    first_lane: Literal[0, 1] = Field(default=0, description="lane on which a run begins")

    def for_evaluation(self, seconds: float) -> "RunSpec":
        return super().for_evaluation(seconds).model_copy(update={"settled_laps": 0})


_LEAST_STRAIGHT_M = 0.5
"""Some windows long, at the speeds of the lane task."""


class Placement(NamedTuple):
    """The robot is to be put on this lane, at this arc length (m)."""

    lane: int
    arc_length_m: float = 0.0


class LaneStep(NamedTuple):
    """What a window's end means for the run.

    placement: where the robot is placed before the next window, or None. lane: driven in this window. laps, resets: so
    far. last_reset_s: simulated time of the last reset, or None. finished: the run is over.
    """

    placement: Placement | None
    lane: int
    laps: int
    resets: int
    last_reset_s: float | None
    finished: bool

    @property
    def placed_next(self) -> bool:
        return self.placement is not None


class Starts:
    """Where a robot is placed on a lane.

    kind: ``straight``, ``line`` or ``anywhere``, as ``spec.start`` comes to. lengths_m: of the lanes. Raises UserError
    for a start that the track does not have.
    """

    def __init__(self, spec: LaneTaskSpec, track: Track) -> None:
        self.lengths_m = [track.lane_length_m(lane) for lane in range(track.lanes)]
        straights = [track.longest_straight(lane) for lane in range(track.lanes)]
        self._straights = [begin_m for begin_m, _ in straights]
        self.kind: str = spec.start
        if spec.start in ("auto", "straight"):
            has_straights = min(length_m for _, length_m in straights) >= _LEAST_STRAIGHT_M
            if spec.start == "straight" and not has_straights:
                raise UserError(
                    f"task.start: track {track.name} has no straight of {_LEAST_STRAIGHT_M:g} m; set task.start: line "
                    "or anywhere"
                )
            self.kind = "straight" if has_straights else "line"

    def on(self, lane: int, rng: np.random.Generator) -> Placement:
        """The next placement on a lane; ``rng`` draws where it is anywhere."""
        if self.kind == "anywhere":
            return Placement(lane, float(rng.uniform(0.0, self.lengths_m[lane])))
        return Placement(lane, self._straights[lane] if self.kind == "straight" else 0.0)


class LaneRules:
    """The course of a run, from one window's end to the next.

    A window that ends further than max_deviation_m from the lane's centre is a reset. A lap is a whole lane length of
    progress since the robot was placed, so that going to and fro over the start line counts for nothing. When training,
    resets and laps both lead to the start of the other lane (Meschede; only the former count as resets). When
    evaluating, a reset leads to the start of the same lane, laps go on, and at half of duration_s the robot is placed
    on the other lane.

    seed: of the places of ``start: anywhere``. Raises UserError for a start that the track does not have.
    """

    def __init__(self, spec: LaneTaskSpec, track: Track, seed: int = 0) -> None:
        if spec.first_lane >= track.lanes:
            raise ValueError(f"first_lane: track {track.name} has no lane {spec.first_lane}")
        self.spec = spec
        self._seed = seed
        self._starts = Starts(spec, track)
        self._lengths = self._starts.lengths_m
        self.begin()

    def begin(self) -> Placement:
        """Start a run from its beginning."""
        self._rng = np.random.default_rng([self._seed, 3])
        self.lane: int = self.spec.first_lane
        self.laps = self.resets = 0
        self.last_reset_s: float | None = None
        self._settled_laps = [0] * len(self._lengths)
        self._half_passed = self.spec.mode == "train" or self.spec.duration_s == 0.0
        return self._place(self.lane)

    def place_again(self) -> Placement:
        """Something else has moved the robot: it is put at a start of its lane, and its lap begins there."""
        return self._place(self.lane)

    def update(self, end_us: int, position: LanePosition) -> LaneStep:
        """A window has ended at ``end_us`` (us of simulated time since the run began), at this position in the lane."""
        now_s = end_us / 1e6
        lane, placement = self.lane, None
        training = self.spec.mode == "train"
        if abs(position.deviation_m) > self.spec.max_deviation_m:
            self.resets += 1
            self.last_reset_s = now_s
            self._settled_laps = [0] * len(self._lengths)
            placement = self._place(self._other(lane) if training else lane)
        elif self._completes_lap(position.arc_length_m):
            self.laps += 1
            self._settled_laps[lane] += 1
            if training:
                placement = self._place(self._other(lane))
        if not self._half_passed and now_s >= 0.5 * self.spec.duration_s:
            self._half_passed = True
            placement = self._place(self._other(lane))
        return LaneStep(placement, lane, self.laps, self.resets, self.last_reset_s, self._finished(now_s))

    def _place(self, lane: int) -> Placement:
        self.lane = lane
        placement = self._starts.on(lane, self._rng)
        self._arc_length_m, self._progress_m = placement.arc_length_m, 0.0
        return placement

    def _other(self, lane: int) -> int:
        return (lane + 1) % len(self._lengths)

    def _completes_lap(self, arc_length_m: float) -> bool:
        length = self._lengths[self.lane]
        step = (arc_length_m - self._arc_length_m + 0.5 * length) % length - 0.5 * length
        self._arc_length_m = arc_length_m
        self._progress_m += step
        if self._progress_m < length:
            return False
        self._progress_m -= length
        return True

    def _finished(self, now_s: float) -> bool:
        spec = self.spec
        if spec.duration_s > 0.0 and now_s >= spec.duration_s:
            return True
        if spec.settled_s == 0.0 and spec.settled_laps == 0:
            return False
        return now_s - (self.last_reset_s or 0.0) >= spec.settled_s and min(self._settled_laps) >= spec.settled_laps
