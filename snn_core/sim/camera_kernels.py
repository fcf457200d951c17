"""What a row of pixels sees of a track: jitted inner loops that allocate and check nothing; ``Renderer`` does.

What they take (float64 unless said otherwise):

- ``scene``, a tuple of ``segments``, ``lines``, ``paint`` and ``shade``. ``segments`` (n, 13) are those of
  ``track_kernels``. ``lines`` (lanes + 1) are offsets of the painted lines to the left of the reference line, of which
  the inner ones are dashed (m). ``paint`` (4) is half the marking's width, painted length and period of a dash (m), and
  width of a pixel's footprint (px). ``shade`` float32 (n) is the log intensity of a pixel by its painted part, from
  none to all in even steps.
- ``rows`` (height, 5): for each pixel row its ground distance ahead of the robot and the ground's size of a pixel
  across and along (m). The last two are its apparent motion in px per m driven and px per rad turned. Rows without
  ground are all 0.
"""

import math

import numpy as np
from numba import njit

from snn_core.sim.track_kernels import (
    ARC_LENGTH,
    CENTRE_X,
    CENTRE_Y,
    COS,
    COS_HALF,
    CURVATURE,
    LENGTH,
    MIDDLE_X,
    MIDDLE_Y,
    SIN,
    SLACK,
    START_X,
    START_Y,
    TURNED,
    along,
)

AHEAD, ACROSS, ALONG, MOTION_PER_M, MOTION_PER_RAD = range(5)
_kernel = njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def _span(value, slope, low, high, first, last):
    """First and last i of first..last with low <= value + i slope <= high; the first is greater if there is none."""
    if slope == 0.0:
        return (first, last) if low <= value <= high else (1, 0)
    a, b = (low - value) / slope, (high - value) / slope
    if slope < 0.0:
        a, b = b, a
    if a > last or b < first:
        return 1, 0
    return int(math.ceil(max(a, first))), int(math.floor(min(b, last)))


@_kernel
def _overlap(distance, width, half):
    """Part of an interval of the given width, centred at ``distance``, that lies within ``half`` of 0."""
    return max(0.0, min(distance + 0.5 * width, half) - max(distance - 0.5 * width, -half)) / width


@_kernel
def _painted_length(s, painted, period):
    """Painted length of a dashed line from 0 to s."""
    turns = math.floor(s / period)
    return turns * painted + min(s - turns * period, painted)


@_kernel
def _dashes(s, width, painted, period):
    """Painted part of an interval of a dashed line of the given width, centred at s."""
    low, high = s - 0.5 * width, s + 0.5 * width
    return (_painted_length(high, painted, period) - _painted_length(low, painted, period)) / width


@_kernel
def _mark(out, i, cover, shade):
    """Paint a part of pixel i; where two lines meet in a pixel, the stronger one is seen."""
    if cover > 0.0:
        place = cover * (shade.shape[0] - 1)
        j = min(int(place), shade.shape[0] - 2)
        value = shade[j] + np.float32(place - j) * (shade[j + 1] - shade[j])
        if abs(value - shade[0]) > abs(out[i] - shade[0]):
            out[i] = value


@_kernel
def _paint_straight(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade):
    """Paint the lines of a straight segment into a row of pixels at (ax, ay) + i (dx, dy)."""
    half, painted, period = paint[0], paint[1], paint[2]
    tx, ty = segment[COS], segment[SIN]
    rx, ry = ax - segment[START_X], ay - segment[START_Y]
    s, ds = rx * tx + ry * ty, dx * tx + dy * ty
    first, last = _span(s, ds, -SLACK, segment[LENGTH] + SLACK, 0, out.shape[0] - 1)
    if first > last:
        return
    q, dq = ry * tx - rx * ty, dy * tx - dx * ty
    turned_cosine, turned_sine = tx * cosine + ty * sine, ty * cosine - tx * sine
    box_q = math.sqrt((box_across * turned_cosine) ** 2 + (box_along * turned_sine) ** 2)
    box_s = math.sqrt((box_across * turned_sine) ** 2 + (box_along * turned_cosine) ** 2)
    reach = half + 0.5 * box_q
    for line in range(lines.shape[0]):
        offset = lines[line]
        start, stop = _span(q - offset, dq, -reach, reach, first, last)
        s_line = s + segment[ARC_LENGTH] - offset * segment[TURNED]
        for i in range(start, stop + 1):
            cover = _overlap(abs(q + i * dq - offset), box_q, half)
            if 0 < line < lines.shape[0] - 1:
                cover *= _dashes(s_line + i * ds, box_s, painted, period)
            _mark(out, i, cover, shade)


@_kernel
def _paint_arc(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade):
    """Paint the lines of an arc into a row of pixels at (ax, ay) + i (dx, dy)."""
    half, painted, period = paint[0], paint[1], paint[2]
    rx, ry = ax - segment[CENTRE_X], ay - segment[CENTRE_Y]
    step_2 = dx * dx + dy * dy
    foot_i = -(rx * dx + ry * dy) / step_2  # where the row passes the arc's centre
    foot_2 = rx * rx + ry * ry - foot_i * foot_i * step_2
    curvature = segment[CURVATURE]
    middle_x, middle_y, least = segment[MIDDLE_X], segment[MIDDLE_Y], segment[COS_HALF] - SLACK
    box = 0.5 * math.sqrt(box_across * box_across + box_along * box_along)
    reach = half + box
    for line in range(lines.shape[0]):
        radius = abs(1.0 / curvature - lines[line])
        outer = (radius + reach) ** 2 - foot_2
        if outer <= 0.0:
            continue
        # The row meets the ring from `outer` before its foot to `outer` behind it, less the hole within `inner`.
        outer = math.sqrt(outer / step_2)
        inner = (radius - reach) ** 2 - foot_2 if radius > reach else -1.0
        inner = math.sqrt(inner / step_2) if inner > 0.0 else -1.0
        i, last = _span(-foot_i, 1.0, -outer, outer, 0, out.shape[0] - 1)
        s, ux_last, uy_last = 0.0, np.inf, np.inf
        dashed = 0 < line < lines.shape[0] - 1
        while i <= last:
            if abs(i - foot_i) < inner:
                i = int(math.ceil(foot_i + inner))
                continue
            vx, vy = rx + i * dx, ry + i * dy
            r = math.sqrt(vx * vx + vy * vy)
            if vx * middle_x + vy * middle_y >= least * r:
                distance, cover = abs(r - radius), 1.0
                if dashed or distance > half - box:
                    ux, uy = vx / r, vy / r
                    turned_cosine, turned_sine = ux * sine - uy * cosine, ux * cosine + uy * sine
                    box_q = math.sqrt((box_across * turned_cosine) ** 2 + (box_along * turned_sine) ** 2)
                    cover = _overlap(distance, box_q, half)
                    if dashed and cover > 0.0:
                        turn = ux * uy_last - uy * ux_last
                        if abs(turn) < 0.1:  # a neighbour: asin by its series spares an atan2, and is right to 1e-8
                            turn *= 1.0 + turn * turn * (1.0 / 6.0 + turn * turn * 3.0 / 40.0)
                            s -= turn / curvature
                        else:
                            s = along(segment, ax + i * dx, ay + i * dy)
                        ux_last, uy_last = ux, uy
                        s_line = s + segment[ARC_LENGTH] - lines[line] * (segment[TURNED] + s * curvature)
                        box_s = math.sqrt((box_across * turned_sine) ** 2 + (box_along * turned_cosine) ** 2)
                        cover *= _dashes(s_line, box_s, painted, period)
                _mark(out, i, cover, shade)
            i += 1


@_kernel
def _in_sight(segment, x, y, near, width):
    """Whether the road (``width`` m) of a segment may come within ``near`` m of a point; never wrongly no."""
    if segment[CURVATURE] == 0.0:
        dx, dy = x - segment[START_X], y - segment[START_Y]
        s, q = dx * segment[COS] + dy * segment[SIN], dy * segment[COS] - dx * segment[SIN]
        return -near <= s <= segment[LENGTH] + near and -near <= q <= width + near
    dx, dy = x - segment[CENTRE_X], y - segment[CENTRE_Y]
    r = math.sqrt(dx * dx + dy * dy)
    # How far within the arc's sector a point lies is measured with a gradient of at most 1 + |cos|.
    within = dx * segment[MIDDLE_X] + dy * segment[MIDDLE_Y] - r * segment[COS_HALF]
    a, b = abs(1.0 / segment[CURVATURE]), abs(1.0 / segment[CURVATURE] - width)
    return within >= -near * (1.0 + abs(segment[COS_HALF])) and min(a, b) - near <= r <= max(a, b) + near


@_kernel
def paint_row(out, x, y, cosine, sine, row, scene):
    """Fill ``out`` (float32, width) with the log intensity of one row of ``rows``, seen from the robot's pose.

    The pixels of a row lie evenly on a straight line on the ground. So those that a painted line or ring touches are
    found in closed form, and only they are looked at. A pixel is a box on the ground; what is painted of it is taken as
    its part across the line times its part along it. Dashes are as long as they say along their own line.
    """
    segments, lines, paint, shade = scene
    across = row[ACROSS]
    box_across, box_along = across * paint[3], row[ALONG] * paint[3]
    dx, dy = across * sine, -across * cosine
    middle = 0.5 * (out.shape[0] - 1)
    middle_x, middle_y = x + row[AHEAD] * cosine, y + row[AHEAD] * sine
    ax, ay = middle_x - middle * dx, middle_y - middle * dy
    near = paint[0] + middle * across + box_across + box_along
    out[:] = shade[0]
    for k in range(segments.shape[0]):
        segment = segments[k]
        if _in_sight(segment, middle_x, middle_y, near, lines[lines.shape[0] - 1]):
            if segment[CURVATURE] == 0.0:
                _paint_straight(
                    out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade
                )  # fmt: skip
            else:
                _paint_arc(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade)


@_kernel
def paint_image(out, x, y, cosine, sine, rows, background, scene):
    """Fill ``out`` (float32, height x width) with the log intensity of the whole view."""
    for r in range(rows.shape[0]):
        if rows[r, ACROSS] > 0.0:
            paint_row(out[r], x, y, cosine, sine, rows[r], scene)
        else:
            out[r] = background[r]
