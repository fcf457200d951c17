"""What a row of pixels sees of a track: jitted inner loops that allocate and check nothing; ``Renderer`` does.

What they take (float64 unless said otherwise):

- ``scene``, a tuple of ``segments``, ``lines``, ``paint``, ``shade`` and ``marks``. ``segments`` (n, 13) are those of
  ``track_kernels``. ``lines`` (lanes + 1) are offsets of the painted lines to the left of the reference line, of which
  the inner ones are dashed (m). ``paint`` (4) is half the marking's width, painted length and period of a dash (m), and
  width of a pixel's footprint (px). ``shade`` float32 (n) is the log intensity of a pixel by its painted part, from
  none to all in even steps. ``marks`` is None, or a tuple of ``contrast``, ``crossings`` and ``shadows``, tables of
  ``cover_kernels``, and of the dark current, as an intensity. Numba compiles other kernels for a track with marks, so
  that others pay nothing for them.
- ``rows`` (height, 5): for each pixel row its ground distance ahead of the robot and the ground's size of a pixel
  across and along (m). The last two are its apparent motion in px per m driven and px per rad turned. Rows without
  ground are all 0.
"""

import math

import numpy as np
from numba import njit

from snn_core.sim.cover_kernels import contrast_at, cover_bands, dashes, even_contrast, mark, overlap, span
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
def _even(contrast, segment, offset, box):
    """Contrast of a line beside a segment, seen by pixels of a size along it; -1 where it is not the same all along."""
    begin = segment[ARC_LENGTH] - offset * segment[TURNED]
    length = segment[LENGTH] * (1.0 - offset * segment[CURVATURE])
    return even_contrast(contrast, begin - 0.5 * box, begin + length + 0.5 * box)


@_kernel
def _paint_straight(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade, contrast):
    """Paint the lines of a straight segment into a row of pixels at (ax, ay) + i (dx, dy)."""
    half, painted, period = paint[0], paint[1], paint[2]
    tx, ty = segment[COS], segment[SIN]
    rx, ry = ax - segment[START_X], ay - segment[START_Y]
    s, ds = rx * tx + ry * ty, dx * tx + dy * ty
    first, last = span(s, ds, -SLACK, segment[LENGTH] + SLACK, 0, out.shape[0] - 1)
    if first > last:
        return
    q, dq = ry * tx - rx * ty, dy * tx - dx * ty
    turned_cosine, turned_sine = tx * cosine + ty * sine, ty * cosine - tx * sine
    box_q = math.sqrt((box_across * turned_cosine) ** 2 + (box_along * turned_sine) ** 2)
    box_s = math.sqrt((box_across * turned_sine) ** 2 + (box_along * turned_cosine) ** 2)
    reach = half + 0.5 * box_q
    for line in range(lines.shape[0]):
        offset = lines[line]
        start, stop = span(q - offset, dq, -reach, reach, first, last)
        s_line = s + segment[ARC_LENGTH] - offset * segment[TURNED]
        share = 1.0
        if contrast is not None:
            share = _even(contrast[line], segment, offset, box_s)
        for i in range(start, stop + 1):
            cover = overlap(abs(q + i * dq - offset), box_q, half)
            if 0 < line < lines.shape[0] - 1:
                cover *= dashes(s_line + i * ds, box_s, painted, period)
            if contrast is not None:
                cover *= share if share >= 0.0 else contrast_at(contrast[line], s_line + i * ds, box_s)
            mark(out, i, cover, shade)


@_kernel
def _paint_arc(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade, contrast):
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
        i, last = span(-foot_i, 1.0, -outer, outer, 0, out.shape[0] - 1)
        s, ux_last, uy_last = 0.0, np.inf, np.inf
        dashed = 0 < line < lines.shape[0] - 1
        share, placed = 1.0, dashed  # placed: whether the arc length matters
        if contrast is not None:
            share = _even(contrast[line], segment, lines[line], 2.0 * box)
            placed = dashed or share < 0.0
        while i <= last:
            if abs(i - foot_i) < inner:
                i = int(math.ceil(foot_i + inner))
                continue
            vx, vy = rx + i * dx, ry + i * dy
            r = math.sqrt(vx * vx + vy * vy)
            if vx * middle_x + vy * middle_y >= least * r:
                distance, cover = abs(r - radius), 1.0
                if placed or distance > half - box:
                    ux, uy = vx / r, vy / r
                    turned_cosine, turned_sine = ux * sine - uy * cosine, ux * cosine + uy * sine
                    box_q = math.sqrt((box_across * turned_cosine) ** 2 + (box_along * turned_sine) ** 2)
                    cover = overlap(distance, box_q, half)
                    if placed and cover > 0.0:
                        turn = ux * uy_last - uy * ux_last
                        if abs(turn) < 0.1:  # a neighbour: asin by its series spares an atan2, and is right to 1e-8
                            turn *= 1.0 + turn * turn * (1.0 / 6.0 + turn * turn * 3.0 / 40.0)
                            s -= turn / curvature
                        else:
                            s = along(segment, ax + i * dx, ay + i * dy)
                        ux_last, uy_last = ux, uy
                        s_line = s + segment[ARC_LENGTH] - lines[line] * (segment[TURNED] + s * curvature)
                        box_s = math.sqrt((box_across * turned_sine) ** 2 + (box_along * turned_cosine) ** 2)
                        if dashed:
                            cover *= dashes(s_line, box_s, painted, period)
                        if contrast is not None:
                            cover *= share if share >= 0.0 else contrast_at(contrast[line], s_line, box_s)
                    elif contrast is not None:
                        cover *= share
                elif contrast is not None:
                    cover *= share
                mark(out, i, cover, shade)
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
def _contrast(marks):
    """The contrast of the lines' paint, or None."""
    if marks is not None:
        return marks[0]
    return None


@_kernel
def _lay_marks(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, near, marks, shade):
    """Paint what crosses the road, then lay shadows on it all."""
    if marks is not None:
        cover_bands(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, near, marks[1], shade, 0.0)
        cover_bands(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, near, marks[2], shade[:0], marks[3])


@_kernel
def paint_row(out, x, y, cosine, sine, row, scene):
    """Fill ``out`` (float32, width) with the log intensity of one row of ``rows``, seen from the robot's pose.

    The pixels of a row lie evenly on a straight line on the ground. So those that a painted line or ring touches are
    found in closed form, and only they are looked at. A pixel is a box on the ground; what is painted of it is taken as
    its part across the line times its part along it. Dashes are as long as they say along their own line.
    """
    segments, lines, paint, shade, marks = scene
    contrast = _contrast(marks)
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
                    out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade, contrast
                )  # fmt: skip
            else:
                _paint_arc(
                    out, ax, ay, dx, dy, cosine, sine, box_across, box_along, segment, lines, paint, shade, contrast
                )  # fmt: skip
    _lay_marks(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, near, marks, shade)


@_kernel
def paint_image(out, x, y, cosine, sine, rows, background, scene):
    """Fill ``out`` (float32, height x width) with the log intensity of the whole view."""
    for r in range(rows.shape[0]):
        if rows[r, ACROSS] > 0.0:
            paint_row(out[r], x, y, cosine, sine, rows[r], scene)
        else:
            out[r] = background[r]
