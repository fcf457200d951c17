"""What a track file says: the road's reference line and what is painted on it, checked by pydantic."""

import math
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationInfo, field_validator, model_validator

from snn_core.files import StrictModel
from snn_core.sim.track_layout import Piece, cut, lay_out, length_of

_CLOSING_DISTANCE_M = 1e-3
_CLOSING_ANGLE_DEG = 0.1
_MOST_MARKS = 1000

Positive = Annotated[float, Field(gt=0.0, le=1000.0)]
Turn = Annotated[float, Field(ge=-360.0, le=360.0)]
Station = Annotated[float, Field(ge=0.0)]
"""Arc length along the reference line from its start (m)."""
Contrast = Annotated[float, Field(gt=0.0, le=1.0)]
Waypoint = tuple[float, float, float]


class Segment(StrictModel):
    """A part of the reference line: ``straight``, ``arc`` or ``spline``, exactly one of them."""

    straight: Positive | None = Field(default=None, description="length (m)")
    arc: tuple[Positive, Turn] | None = Field(
        default=None, description="radius (m) and angle (degrees, positive turns left)"
    )
    spline: list[Waypoint] | None = Field(
        default=None,
        min_length=1,
        description="poses that a smooth curve goes through, from where the segment before ends: x (m), y (m), heading "
        "(degrees), in the frame of start",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Segment":
        if sum(kind is not None for kind in (self.straight, self.arc, self.spline)) != 1:
            raise ValueError("expected either straight: LENGTH, arc: [RADIUS, DEGREES] or spline: [[X, Y, HEADING]]")
        if self.arc is not None and self.arc[1] == 0.0:
            raise ValueError("expected an arc of other than 0 degrees")
        return self


class MissingPaint(StrictModel):
    """A stretch without paint."""

    stretch: tuple[Station, Station] = Field(description="begin and end, arc lengths of the reference line (m)")
    lines: list[Annotated[int, Field(ge=0, le=2)]] | None = Field(
        default=None,
        min_length=1,
        description="lines of which it is true, 0 the reference line, 1 the next to its left; by default all",
    )

    @field_validator("stretch")
    @classmethod
    def _in_order(cls, stretch: tuple[float, float]) -> tuple[float, float]:
        if stretch[0] >= stretch[1]:
            raise ValueError(f"expected a begin before the end, found [{stretch[0]:g}, {stretch[1]:g}]")
        return stretch


class WornPaint(MissingPaint):
    """A stretch of worn paint."""

    contrast: Contrast = Field(description="share that is left of the paint's contrast to the ground")


class Band(StrictModel):
    """A rectangle on the ground that crosses the road; its long side is straight."""

    at: Station = Field(description="arc length of the reference line (m) where it crosses the middle of the road")
    angle: float = Field(
        default=90.0,
        ge=10.0,
        le=170.0,
        description="of its long side, left of the reference line's direction (degrees)",
    )
    width: Positive = Field(description="of the band (m)")
    length: Positive | None = Field(default=None, description="of its long side (m), half of it to either side")


class Crossing(Band):
    """Other paint that crosses the road, from border to border unless ``length`` says otherwise."""

    dash: tuple[Positive, Positive] | None = Field(
        default=None, description="painted length and gap (m) along the long side: bars; by default one whole line"
    )
    contrast: Contrast = Field(default=1.0, description="share that is left of the paint's contrast to the ground")


class Shadow(Band):
    """A shadow across the road, reaching 1 m beyond its borders unless ``length`` says otherwise."""

    intensity: float = Field(ge=0.05, lt=1.0, description="share that is left of the intensity of ground and paint")


class TrackSpec(StrictModel):
    """A track file. The reference line is the right-hand border of lane 0; lane 1 is driven against it."""

    name: str = Field(min_length=1, description="the track's name")
    lane_width: float = Field(gt=0.0, le=10.0, description="width of a lane (m)")
    lanes: Literal[1, 2] = Field(default=2, description="number of lanes")
    marking_width: float = Field(gt=0.0, le=1.0, description="width of the painted lines (m)")
    dash: tuple[Positive, Positive] = Field(description="painted length and gap of the line between lanes (m)")
    start: tuple[float, float, float] = Field(description="x (m), y (m), heading (degrees) of the reference line at 0")
    segments: list[Segment] = Field(min_length=1, description="the reference line, from its start")
    contrast: Contrast = Field(
        default=1.0, description="share that is left of the contrast of all the lines' paint to the ground"
    )
    worn: list[WornPaint] = Field(
        default=[], max_length=_MOST_MARKS, description="stretches of worn paint; shares that overlap multiply"
    )
    missing: list[MissingPaint] = Field(
        default=[], max_length=_MOST_MARKS, description="stretches where lines are not painted"
    )
    crossings: list[Crossing] = Field(
        default=[], max_length=_MOST_MARKS, description="other paint that crosses the road"
    )
    shadows: list[Shadow] = Field(
        default=[], max_length=_MOST_MARKS, description="shadows across the road; shares that overlap multiply"
    )

    @field_validator("marking_width")
    @classmethod
    def _narrower_than_lane(cls, width: float, info: ValidationInfo) -> float:
        if width >= info.data.get("lane_width", math.inf):
            raise ValueError(f"expected less than lane_width ({info.data['lane_width']:g} m)")
        return width

    @field_validator("segments")
    @classmethod
    def _drivable(cls, segments: list[Segment], info: ValidationInfo) -> list[Segment]:
        known = info.data
        if not {"lane_width", "lanes", "marking_width", "start"} <= known.keys():
            return segments  # another key is wrong, and will be named
        parts = cut(known["start"], segments)
        for i, pieces in enumerate(parts):
            kind = "arc" if segments[i].spline is None else "spline"
            for radius, degrees in (piece.arc for piece in pieces if piece.arc is not None):
                inside = 0.5 * known["marking_width"] + (known["lanes"] * known["lane_width"] if degrees > 0.0 else 0.0)
                if radius <= inside:
                    raise ValueError(
                        f"segment {i}, {kind}: expected a radius above {inside:g} m (the road is inside), "
                        f"found {radius:g} m"
                    )
        x, y, turned = lay_out(known["start"], [piece for pieces in parts for piece in pieces])[1]
        gap = math.hypot(x - known["start"][0], y - known["start"][1])
        degrees = math.degrees(turned)
        if gap > _CLOSING_DISTANCE_M or abs(abs(degrees) - 360.0) > _CLOSING_ANGLE_DEG:
            raise ValueError(
                f"expected a track that closes within {1e3 * _CLOSING_DISTANCE_M:g} mm and {_CLOSING_ANGLE_DEG:g} "
                f"degrees after a turn of 360, but it ends {1e3 * gap:.1f} mm from its start after {degrees:.2f}"
            )
        return segments

    @field_validator("worn", "missing")
    @classmethod
    def _stretches_are_on_the_road(cls, marks: list[MissingPaint], info: ValidationInfo) -> list[MissingPaint]:
        if (length := _length_m(info)) is None:
            return marks
        for i, mark in enumerate(marks):
            if mark.stretch[1] > length:
                raise ValueError(
                    f"stretch {i}: expected an end of at most the reference line's length ({length:.6g} m), "
                    f"found {mark.stretch[1]:g} m"
                )
            lanes = info.data["lanes"]
            if mark.lines is not None and max(mark.lines) > lanes:
                raise ValueError(f"stretch {i}: expected lines from 0 to {lanes}, found {max(mark.lines)}")
        return marks

    @field_validator("crossings", "shadows")
    @classmethod
    def _bands_are_on_the_road(cls, bands: list[Band], info: ValidationInfo) -> list[Band]:
        if (length := _length_m(info)) is None:
            return bands
        for i, band in enumerate(bands):
            if band.at >= length:
                raise ValueError(
                    f"band {i}: expected at below the reference line's length ({length:.6g} m), found {band.at:g} m"
                )
        return bands

    def pieces(self) -> list[Piece]:
        """The lines and arcs of the reference line: those of the file, and those that its splines consist of."""
        return [piece for pieces in cut(self.start, self.segments) for piece in pieces]


def track_yaml(spec: TrackSpec, comment: str = "") -> str:
    """A track file that reads back as the same track; ``comment``: one line, to begin with."""
    content = spec.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    return (f"# {' '.join(comment.split())}\n" if comment else "") + text


def _length_m(info: ValidationInfo) -> float | None:
    """Length of the reference line; None when another key is wrong, which will be named."""
    known = info.data
    if not {"lanes", "start", "segments"} <= known.keys():
        return None
    pieces = [piece for pieces in cut(known["start"], known["segments"]) for piece in pieces]
    table, _ = lay_out(known["start"], pieces)
    return length_of(table)
