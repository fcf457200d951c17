"""Where a point lies on a track: jitted inner loops that allocate and check nothing; ``Track`` does.

``segments`` (float64, n x 13): one row a segment of the reference line, columns named by the constants below; m, rad.
"""

import math

import numpy as np
from numba import njit

CURVATURE, START_X, START_Y, COS, SIN, ARC_LENGTH, TURNED, LENGTH = range(8)
CENTRE_X, CENTRE_Y, MIDDLE_X, MIDDLE_Y, COS_HALF = range(8, 13)  # of arcs: centre, direction of the middle, sector
SEGMENT_COLUMNS = 13
SLACK = 1e-9  # segments overlap by this much (m, or in a cosine), so that rounding leaves no gap between them
_kernel = njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def foot(segment, x, y):
    """(whether the perpendicular from a point falls on a segment, offset to its left, tangent x, tangent y)."""
    curvature = segment[CURVATURE]
    if curvature == 0.0:
        tx, ty = segment[COS], segment[SIN]
        dx, dy = x - segment[START_X], y - segment[START_Y]
        s = dx * tx + dy * ty
        return -SLACK <= s <= segment[LENGTH] + SLACK, dy * tx - dx * ty, tx, ty
    dx, dy = x - segment[CENTRE_X], y - segment[CENTRE_Y]
    radius = math.sqrt(dx * dx + dy * dy)
    if radius < SLACK:
        return False, 0.0, 1.0, 0.0
    dx /= radius
    dy /= radius
    on_segment = dx * segment[MIDDLE_X] + dy * segment[MIDDLE_Y] >= segment[COS_HALF] - SLACK
    if curvature > 0.0:
        return on_segment, 1.0 / curvature - radius, -dy, dx
    return on_segment, radius + 1.0 / curvature, dy, -dx


@_kernel
def along(segment, x, y):
    """Arc length of the reference line from a segment's start to the foot of a point, m."""
    curvature, length = segment[CURVATURE], segment[LENGTH]
    if curvature == 0.0:
        s = (x - segment[START_X]) * segment[COS] + (y - segment[START_Y]) * segment[SIN]
        return min(max(s, 0.0), length)
    sign = 1.0 if curvature > 0.0 else -1.0
    dx, dy = sign * (x - segment[CENTRE_X]), sign * (y - segment[CENTRE_Y])
    angle = sign * math.atan2(dx * segment[COS] + dy * segment[SIN], dx * segment[SIN] - dy * segment[COS])
    total = length * abs(curvature)
    if angle < -0.5 * (2.0 * math.pi - total):
        angle += 2.0 * math.pi
    return min(max(angle, 0.0), total) / abs(curvature)


@_kernel
def locate(segments, x, y, centre):
    """(segment, offset, tangent x, tangent y) nearest to a point by its distance to the line ``centre`` m left."""
    best, best_distance, best_offset, best_tx, best_ty = -1, np.inf, 0.0, 1.0, 0.0
    for k in range(segments.shape[0]):
        hit, offset, tx, ty = foot(segments[k], x, y)
        if hit and abs(offset - centre) < best_distance:
            best, best_distance, best_offset, best_tx, best_ty = k, abs(offset - centre), offset, tx, ty
    if best < 0:  # in the seam of a track that closes, but not to the last digit
        best = segments.shape[0] - 1
        _, best_offset, best_tx, best_ty = foot(segments[best], x, y)
    return best, best_offset, best_tx, best_ty
