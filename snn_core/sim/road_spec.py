"""What generated roads are drawn from: bounds and probabilities."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from snn_core.files import StrictModel


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"expected the lower bound first, found [{bounds[0]:g}, {bounds[1]:g}]")
    return bounds


Length = Annotated[float, Field(gt=0.0, le=1000.0)]
LengthRange = Annotated[tuple[Length, Length], AfterValidator(_in_order)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
Count = Annotated[int, Field(ge=1, le=20)]
CountRange = Annotated[tuple[Count, Count], AfterValidator(_in_order)]
Corners = Annotated[int, Field(ge=3, le=20)]
Angle = Annotated[float, Field(ge=10.0, le=170.0)]
Dark = Annotated[float, Field(ge=0.05, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class RoadSpec(StrictModel):
    """Bounds within which a road is drawn evenly, and how likely each of its features is.

    Radii are those of the centres of lanes, as their drivers see the curve: what is a left curve to one lane is a right
    curve to the other.
    """

    lanes: Literal[1, 2] | None = Field(default=None, description="number of lanes; by default drawn")
    two_lanes_probability: Probability = Field(default=0.7, description="of two lanes, where lanes is not given")
    lane_width_m: LengthRange = Field(default=(0.4, 0.65), description="width of a lane (m)")
    length_m: LengthRange = Field(default=(20.0, 45.0), description="length of the reference line (m)")
    corners: Annotated[tuple[Corners, Corners], AfterValidator(_in_order)] = Field(
        default=(4, 9), description="corners of the polygon whose sides become straights and whose corners curves"
    )
    inward_probability: Probability = Field(
        default=0.35, description="that a corner lies inwards: there the road curves to the other side"
    )
    smallest_right_radius_m: Length = Field(default=1.05, description="no right curve of a lane is tighter (m)")
    smallest_left_radius_m: Length = Field(default=1.05, description="no left curve of a lane is tighter (m)")
    largest_radius_m: Length = Field(
        default=4.0, description="arcs are drawn up to this radius of lane 0 (m); splines may have any"
    )
    start_straight_m: Annotated[float, Field(ge=0.1, le=100.0)] = Field(
        default=1.0, description="straight road on either side of the start line, at least (m)"
    )
    clearance_m: Annotated[float, Field(ge=0.0, le=100.0)] = Field(
        default=0.3, description="ground between two parts of the road, at least (m)"
    )
    spline_probability: Probability = Field(default=0.4, description="that a curve is a spline, not an arc")
    swerve_probability: Probability = Field(default=0.4, description="that a straight of at least 3 m swerves")
    swerve_m: LengthRange = Field(default=(0.1, 0.5), description="how far a straight swerves to a side (m)")
    marking_width_m: LengthRange = Field(default=(0.03, 0.06), description="width of the painted lines (m)")
    dash_m: LengthRange = Field(default=(0.1, 0.4), description="painted length of the line between lanes (m)")
    gap_m: LengthRange = Field(default=(0.1, 0.4), description="gap of the line between lanes (m)")
    wear_probability: Probability = Field(default=0.3, description="that the paint of all the road is worn")
    wear: ShareRange = Field(default=(0.5, 0.9), description="share of the contrast left of paint that is worn so")
    worn_probability: Probability = Field(default=0.3, description="that there are stretches of worn paint")
    worn_stretches: CountRange = Field(default=(1, 3), description="stretches of worn paint, if any")
    worn_stretch_m: LengthRange = Field(default=(0.5, 3.0), description="length of a stretch of worn paint (m)")
    worn_contrast: ShareRange = Field(default=(0.3, 0.8), description="share of the contrast left on such a stretch")
    missing_probability: Probability = Field(default=0.3, description="that paint is missing in places")
    missing_stretches: CountRange = Field(default=(1, 3), description="stretches without paint on one line, if any")
    missing_stretch_m: LengthRange = Field(default=(0.2, 1.0), description="length of a stretch without paint (m)")
    crossing_probability: Probability = Field(default=0.3, description="that other paint crosses the road")
    crossings: CountRange = Field(default=(1, 3), description="places where other paint crosses the road, if any")
    crossing_width_m: LengthRange = Field(
        default=(0.04, 0.3), description="width of a crossing line or row of bars (m)"
    )
    crossing_angle_deg: Annotated[tuple[Angle, Angle], AfterValidator(_in_order)] = Field(
        default=(45.0, 135.0), description="angle between crossing paint and the road (degrees)"
    )
    bars_probability: Probability = Field(default=0.3, description="that crossing paint is a row of bars, not a line")
    bar_m: LengthRange = Field(default=(0.08, 0.2), description="width of such bars and of the gaps between them (m)")
    shadow_probability: Probability = Field(default=0.3, description="that there are shadows")
    shadows: CountRange = Field(default=(1, 4), description="shadows, if any")
    shadow_width_m: LengthRange = Field(default=(0.1, 1.5), description="width of a shadow (m)")
    shadow_angle_deg: Annotated[tuple[Angle, Angle], AfterValidator(_in_order)] = Field(
        default=(30.0, 150.0), description="angle between a shadow's long side and the road (degrees)"
    )
    shadow_intensity: Annotated[tuple[Dark, Dark], AfterValidator(_in_order)] = Field(
        default=(0.4, 0.8), description="share of the light left in a shadow"
    )

    @model_validator(mode="after")
    def _paint_fits(self) -> "RoadSpec":
        if self.marking_width_m[1] >= self.lane_width_m[0]:
            raise ValueError(
                f"marking_width_m: expected less than the narrowest lane ({self.lane_width_m[0]:g} m), "
                f"found {self.marking_width_m[1]:g} m"
            )
        return self
