"""How much of a pixel is painted or in shadow: jitted inner loops that allocate and check nothing; ``Renderer`` does.

- ``contrast`` (lines, m, 3): for each line of a track the places where its contrast changes. A row is an arc length of
  the line (m), the contrast from there on, and its integral up to there. The last row is the line's end.
- ``bands`` (n, 9): rectangles on the ground, columns named by the constants below; m. Their long sides are dashed from
  one end to the other, or whole where the dashes' period is 0. ``STRENGTH`` is the paint's contrast, or the part of the
  intensity that a shadow takes.
"""

import math

import numpy as np
from numba import njit

BEGIN, LEVEL, INTEGRAL = range(3)
MIDDLE_X, MIDDLE_Y, COS, SIN, HALF_LENGTH, HALF_WIDTH, PAINTED, PERIOD, STRENGTH = range(9)
BAND_COLUMNS = 9
_kernel = njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def span(value, slope, low, high, first, last):
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
def overlap(distance, width, half):
    """Part of an interval of the given width, centred at ``distance``, that lies within ``half`` of 0."""
    return max(0.0, min(distance + 0.5 * width, half) - max(distance - 0.5 * width, -half)) / width


@_kernel
def _painted_length(s, painted, period):
    """Painted length of a dashed line from 0 to s."""
    turns = math.floor(s / period)
    return turns * painted + min(s - turns * period, painted)


@_kernel
def dashes(s, width, painted, period):
    """Painted part of an interval of a dashed line of the given width, centred at s."""
    low, high = s - 0.5 * width, s + 0.5 * width
    return (_painted_length(high, painted, period) - _painted_length(low, painted, period)) / width


@_kernel
def _piece(line, s):
    """The row of a line's contrast (m, 3) at an arc length within its lap."""
    low, high = 0, line.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if line[middle, BEGIN] <= s:
            low = middle
        else:
            high = middle
    return low


@_kernel
def _contrast_up_to(line, s):
    """The integral of a line's contrast from 0 to s; it repeats itself with each lap."""
    last = line.shape[0] - 1
    laps = math.floor(s / line[last, BEGIN])
    s -= laps * line[last, BEGIN]
    k = _piece(line, s)
    return laps * line[last, INTEGRAL] + line[k, INTEGRAL] + (s - line[k, BEGIN]) * line[k, LEVEL]


@_kernel
def even_contrast(line, low, high):
    """The contrast of a line (m, 3) from an arc length to another, or -1 where it is not the same all the way."""
    last = line.shape[0] - 1
    lap = math.floor(low / line[last, BEGIN]) * line[last, BEGIN]
    k = _piece(line, low - lap)
    level = line[k, LEVEL]
    while True:
        k += 1
        if lap + line[k, BEGIN] >= high:
            return level
        if k == last:
            lap += line[last, BEGIN]
            k = 0
        if line[k, LEVEL] != level:
            return -1.0


@_kernel
def contrast_at(line, s, width):
    """Mean contrast of an interval of a line (m, 3) of the given width, centred at s."""
    return (_contrast_up_to(line, s + 0.5 * width) - _contrast_up_to(line, s - 0.5 * width)) / width


@_kernel
def mark(out, i, cover, shade):
    """Paint a part of pixel i; where two lines meet in a pixel, the stronger one is seen."""
    if cover > 0.0:
        place = cover * (shade.shape[0] - 1)
        j = min(int(place), shade.shape[0] - 2)
        value = shade[j] + np.float32(place - j) * (shade[j + 1] - shade[j])
        if abs(value - shade[0]) > abs(out[i] - shade[0]):
            out[i] = value


@_kernel
def cover_bands(out, ax, ay, dx, dy, cosine, sine, box_across, box_along, near, bands, shade, dark):
    """Lay bands on a row of pixels at (ax, ay) + i (dx, dy): as paint of ``shade``, or shadows where that is empty.

    ``near``: no point that the row sees is further from its middle (m). A shadow takes its part of the light of the
    part of a pixel that it covers; ``dark``, the dark current as an intensity, stays.
    """
    middle = 0.5 * (out.shape[0] - 1)
    for k in range(bands.shape[0]):
        band = bands[k]
        rx, ry = ax - band[MIDDLE_X], ay - band[MIDDLE_Y]
        mx, my = rx + middle * dx, ry + middle * dy
        reach = near + band[HALF_LENGTH] + band[HALF_WIDTH]
        if mx * mx + my * my > reach * reach:
            continue
        tx, ty = band[COS], band[SIN]
        turned_cosine, turned_sine = tx * cosine + ty * sine, ty * cosine - tx * sine
        box_q = math.sqrt((box_across * turned_cosine) ** 2 + (box_along * turned_sine) ** 2)
        box_s = math.sqrt((box_across * turned_sine) ** 2 + (box_along * turned_cosine) ** 2)
        s, ds = rx * tx + ry * ty, dx * tx + dy * ty
        q, dq = ry * tx - rx * ty, dy * tx - dx * ty
        reach_s, reach_q = band[HALF_LENGTH] + 0.5 * box_s, band[HALF_WIDTH] + 0.5 * box_q
        first, last = span(s, ds, -reach_s, reach_s, 0, out.shape[0] - 1)
        first, last = span(q, dq, -reach_q, reach_q, first, last)
        darkest = 0.0 if shade.shape[0] > 0 else math.log1p(-band[STRENGTH])
        for i in range(first, last + 1):
            cover = band[STRENGTH] * overlap(abs(q + i * dq), box_q, band[HALF_WIDTH])
            cover *= overlap(abs(s + i * ds), box_s, band[HALF_LENGTH])
            if band[PERIOD] > 0.0:
                cover *= dashes(s + i * ds + band[HALF_LENGTH], box_s, band[PAINTED], band[PERIOD])
            if shade.shape[0] > 0:
                mark(out, i, cover, shade)
            elif dark > 0.0:
                out[i] = np.float32(math.log((math.exp(out[i]) - dark) * (1.0 - cover) + dark))
            else:
                out[i] += np.float32(darkest if cover == band[STRENGTH] else math.log1p(-cover))
