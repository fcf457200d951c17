"""The filters of events as slow, obviously right functions of whole streams: lists of (t, x, y, polarity)."""

import math
from collections.abc import Collection

Event = tuple[int, int, int, int]


def background_activity(events: list[Event], window_us: int) -> list[Event]:
    """Those that another of the 3 x 3 pixels around them supports: an event before them, at most window_us ago."""
    return [
        (t, x, y, polarity)
        for place, (t, x, y, polarity) in enumerate(events)
        if any(
            max(abs(x - other_x), abs(y - other_y)) == 1 and t - other_t <= window_us
            for other_t, other_x, other_y, _ in events[:place]
        )
    ]


def refractory(events: list[Event], period_us: int) -> list[Event]:
    """Those whose pixel let none through less than period_us before."""
    kept: list[Event] = []
    for t, x, y, polarity in events:
        if not any((x, y) == (other_x, other_y) and t - other_t < period_us for other_t, other_x, other_y, _ in kept):
            kept.append((t, x, y, polarity))
    return kept


def temporal(events: list[Event], step_us: int) -> list[Event]:
    """The first of each pixel, polarity and step, at the step's begin."""
    return list(dict.fromkeys((t // step_us * step_us, x, y, polarity) for t, x, y, polarity in events))


def hot_pixels(
    events: list[Event], width: int, height: int, duration_us: int, min_rate_hz: float, min_ratio: float
) -> set[tuple[int, int]]:
    """The pixels whose rate is high, and high next to the median of their neighbours; the sensor is mirrored at its
    border.
    """

    def mirrored(place: int, size: int) -> int:
        if size == 1:
            return 0
        return 1 if place == -1 else size - 2 if place == size else place

    def count(x: int, y: int) -> int:
        pixel = (mirrored(x, width), mirrored(y, height))
        return sum((event_x, event_y) == pixel for _, event_x, event_y, _ in events)

    hot = set()
    for y in range(height):
        for x in range(width):
            around = sorted(count(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
            median = (around[3] + around[4]) / 2
            if count(x, y) >= min_rate_hz * duration_us * 1e-6 and count(x, y) > min_ratio * (median + 1):
                hot.add((x, y))
    return hot


def without_learnt_hot_pixels(
    events: list[Event], width: int, height: int, period_us: int, min_rate_hz: float, min_ratio: float
) -> list[Event]:
    """Those whose pixel was not hot in the period before."""

    def period(event: Event) -> int:
        return (event[0] - events[0][0]) // period_us

    hot: dict[int, Collection[tuple[int, int]]] = {}
    for number in {period(event) for event in events}:
        before = [event for event in events if period(event) == number - 1]
        hot[number] = hot_pixels(before, width, height, period_us, min_rate_hz, min_ratio)
    return [event for event in events if event[1:3] not in hot[period(event)]]


def in_polygon(x: int, y: int, corners: list[tuple[int, int]]) -> bool:
    """On the border, or within by the even-odd rule: a ray to the right crosses the border an odd number of times."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 == y1:
            if y == y0 and min(x0, x1) <= x <= max(x0, x1):
                return True
            continue
        if min(y0, y1) <= y <= max(y0, y1):
            # Multiplied by y1 - y0, so that all numbers are whole.
            to_the_right = ((x0 - x) * (y1 - y0) + (y - y0) * (x1 - x0)) * (1 if y1 > y0 else -1)
            if to_the_right == 0:
                return True
            crossings += to_the_right > 0 and y < max(y0, y1)
    return crossings % 2 == 1


def distorted(x: float, y: float, model: str, d: tuple[float, ...]) -> tuple[float, float]:
    """Where a lens makes the direction (x, y, 1) seem to be, by the formulas of ROS's and OpenCV's documentation."""
    if model == "equidistant":
        radius = math.hypot(x, y)
        angle = math.atan(radius)
        scale = 1 + sum(k * angle ** (2 * power) for power, k in enumerate(d, 1))
        return (x * angle * scale / radius, y * angle * scale / radius) if radius else (x, y)
    k1, k2, p1, p2, k3, k4, k5, k6 = (*d, *(0.0,) * (8 - len(d)))
    r2 = x * x + y * y
    radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )
