"""What a user says about filters: on the command line, and as parameters of the node ``event_filter``."""

from typing import Literal

from pydantic import Field, field_validator

from snn_core.files import StrictModel

LEARN = "learn"
MAX_COORDINATE = 10**6  # px, of a corner


class FilterOptions(StrictModel):
    """Filters in the order in which events pass them; by default there is none.

    Lists of pixels are text, "x,y x,y", since neither a command line nor ROS parameters have nested lists.
    """

    hot_pixels: str = Field(
        default="",
        description='hot pixels: "learn" them in each hot_pixels_period_s for the next, or list them, "x,y x,y"',
    )
    hot_pixels_period_s: float = Field(
        default=1.0, ge=0.001, le=3600, description="period in which hot pixels are learnt (s, event time)"
    )
    refractory_us: int = Field(
        default=0, ge=0, le=10**9, description="drop a pixel's events so soon after its last one (us; 0: keep all)"
    )
    background_us: int = Field(
        default=0, ge=0, le=10**9, description="drop events that no neighbour had within this time (us; 0: keep all)"
    )
    polarity: Literal["both", "on", "off"] = Field(default="both", description="polarity of the events to keep")
    camera_info: str = Field(
        default="",
        description="calibration to undistort and rectify by: path of a file, as ROS's camera_calibration writes it",
    )
    region: str = Field(
        default="", description='keep what is within this polygon: corners, "x,y x,y x,y" (px; two: a rectangle)'
    )
    crop: str = Field(
        default="", description='keep this rectangle and count pixels from its corner: "left,top,width,height" (px)'
    )
    spatial_factor: int = Field(default=1, ge=1, le=32768, description="make one pixel of so many by so many")
    time_step_us: int = Field(
        default=1, ge=1, le=10**9, description="round times down to this; one event of a pixel and polarity each (us)"
    )

    @field_validator("hot_pixels")
    @classmethod
    def _are_pixels(cls, text: str) -> str:
        if text != LEARN:
            pixels(text)
        return text

    @field_validator("region")
    @classmethod
    def _has_corners(cls, text: str) -> str:
        if len(pixels(text)) == 1:
            raise ValueError("expected at least two corners")
        return text

    @field_validator("crop")
    @classmethod
    def _is_rectangle(cls, text: str) -> str:
        if text:
            rectangle(text)
        return text


TOPIC = "topic"


class EventFilterParameters(FilterOptions):
    """Parameters of the node ``event_filter``: its filters, and how events come and go."""

    camera_info: str = Field(
        default="",
        description='calibration to undistort and rectify by: path of a file, or "topic", as camera_info tells it',
    )
    encoding: Literal["mono", "evt3"] = Field(default="mono", description="encoding of the events that go out")
    events_reliability: Literal["auto", "reliable", "best_effort"] = Field(
        default="auto", description="QoS asked of events; auto: reliable, and best effort where no more is offered"
    )


def pixels(text: str) -> list[tuple[int, int]]:
    """The pixels, (x, y), that a text lists as "x,y x,y". Raises ValueError for any other text."""
    return [(x, y) for x, y in (_whole_numbers(pixel, 2, "pixels as x,y x,y") for pixel in text.split())]


def rectangle(text: str) -> tuple[int, ...]:
    """Left, top, width and height, px, of "left,top,width,height". Raises ValueError for any other text."""
    return _whole_numbers(text, 4, "left,top,width,height")


def _whole_numbers(text: str, n: int, expected: str) -> tuple[int, ...]:
    try:
        numbers = tuple(map(int, text.split(",")))
    except ValueError:
        numbers = ()
    if len(numbers) != n or max(map(abs, numbers)) > MAX_COORDINATE:
        raise ValueError(f"expected {expected} in whole px")
    return numbers
