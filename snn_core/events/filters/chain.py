"""Filters one after the other, as a user's options ask for them."""

from __future__ import annotations

from collections.abc import Sequence

from snn_core.events.camera_info import Calibration, read_calibration
from snn_core.events.events import Events
from snn_core.events.filters.background import BackgroundActivityFilter
from snn_core.events.filters.base import Filter
from snn_core.events.filters.downsampling import SpatialDownsampling, TemporalDownsampling
from snn_core.events.filters.hot_pixels import HotPixelFilter, LearntHotPixelFilter
from snn_core.events.filters.masks import PolarityFilter, PolygonFilter, RectangleFilter
from snn_core.events.filters.options import LEARN, FilterOptions, pixels, rectangle
from snn_core.events.filters.rectification import RectificationFilter
from snn_core.events.filters.refractory import RefractoryFilter


class FilterChain:
    """Filters of one stream: ``chain(events) -> Events``, as one filter.

    filters: in the order in which events pass them, each for the sensor that the one before gives.
    width, height: size of the sensor whose events go in, px; ``out_width``, ``out_height``: of those that come out.
    """

    def __init__(self, width: int, height: int, filters: Sequence[Filter]) -> None:
        self.width = self.out_width = width
        self.height = self.out_height = height
        for a_filter in filters:
            if (a_filter.width, a_filter.height) != (self.out_width, self.out_height):
                raise ValueError(
                    f"{a_filter.name} is for a sensor of {a_filter.width} x {a_filter.height} pixels, "
                    f"not {self.out_width} x {self.out_height}"
                )
            self.out_width, self.out_height = a_filter.out_width, a_filter.out_height
        self.filters = list(filters)

    def __call__(self, events: Events) -> Events:
        """What all filters keep of the next batch. Raises ValueError where a filter does."""
        for a_filter in self.filters:
            events = a_filter(events)
        return events

    def reset(self) -> None:
        """Forget the stream, but not the counters."""
        for a_filter in self.filters:
            a_filter.reset()

    @property
    def dropped(self) -> dict[str, int]:
        """How many events each filter dropped, by its name."""
        return {a_filter.name: a_filter.dropped for a_filter in self.filters}


def make_filters(
    options: FilterOptions, width: int, height: int, calibration: Calibration | None = None
) -> FilterChain:
    """The filters that the options ask for, for a stream of a sensor of this size (px).

    What looks for noise comes first, as the sensor has it. Then comes the polarity. Then what moves pixels or leaves
    them out, of the rectified image where there is one. The coarser times come last.

    calibration: what to rectify by, in place of the file that the options name.

    Raises UserError for a region, rectangle, pixel or calibration that does not fit the sensor, and for a file that
    cannot be read.
    """
    chain: list[Filter] = []

    def add(kind: type[Filter], *arguments: object) -> None:
        size = (chain[-1].out_width, chain[-1].out_height) if chain else (width, height)
        chain.append(kind(*size, *arguments))

    if options.hot_pixels == LEARN:
        add(LearntHotPixelFilter, round(1e6 * options.hot_pixels_period_s))
    elif options.hot_pixels:
        add(HotPixelFilter, pixels(options.hot_pixels))
    if options.refractory_us:
        add(RefractoryFilter, options.refractory_us)
    if options.background_us:
        add(BackgroundActivityFilter, options.background_us)
    if options.polarity != "both":
        add(PolarityFilter, options.polarity)
    if calibration is None and options.camera_info:
        calibration = read_calibration(options.camera_info)
    if calibration is not None:
        add(RectificationFilter, calibration)
    if options.region:
        add(PolygonFilter, _corners(options.region))
    if options.crop:
        add(RectangleFilter, *rectangle(options.crop))
    if options.spatial_factor > 1:
        add(SpatialDownsampling, options.spatial_factor)
    if options.time_step_us > 1:
        add(TemporalDownsampling, options.time_step_us)
    return FilterChain(width, height, chain)


def _corners(text: str) -> list[tuple[int, int]]:
    """The corners of a polygon; two stand for a rectangle."""
    corners = pixels(text)
    if len(corners) != 2:
        return corners
    (x0, y0), (x1, y1) = corners
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
