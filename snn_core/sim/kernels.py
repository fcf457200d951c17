"""The simulator's jitted inner loops: where a point lies on the track, what a row of pixels sees, when a pixel fires.

They allocate nothing and check nothing; the classes around them do. They share a file because numba's cache follows the
file of the function that is called, and not those of the functions called from it.

What they take (float64 unless said otherwise):

- ``segments`` (n, 13): one row a segment of the reference line, columns named by the constants below.
- ``scene``, a tuple: ``segments``; ``lines`` (lanes + 1), offsets of the painted lines to the left of the reference
  line, of which the inner ones are dashed (m); ``paint`` (4), half the marking's width, painted length and period of a
  dash (m), and width of a pixel's footprint (px); ``shade`` float32 (n), log intensity of a pixel by its painted part,
  from none to all in even steps.
- ``rows`` (height, 5): for each pixel row its ground distance ahead of the robot, the ground's size of a pixel across
  and along (m), and its apparent motion in px per m driven and px per rad turned. Rows without ground are all 0.
- ``pixels``, a tuple of flat arrays and a number: ``level`` float32 (log intensity when last seen), ``reference`` (log
  intensity memorised), ``off`` and ``on`` float32 (thresholds), ``release`` int64 us (end of a hold in reset, or
  NOT_HELD), ``since`` int64 us (time of ``level`` where noise has split an interval), refractory time (us).
- ``noise``, a tuple of int64 arrays: times (us), columns, whether ON, and where each row's events begin (height + 1).
- An event is one int64, ``(t - base) << 32 | row << 16 | column << 1 | on``: sorting numbers sorts events by time and
  pixel.
"""

import math

import numpy as np
from numba import njit

CURVATURE, START_X, START_Y, COS, SIN, ARC_LENGTH, TURNED, LENGTH = range(8)
CENTRE_X, CENTRE_Y, MIDDLE_X, MIDDLE_Y, COS_HALF = range(8, 13)  # of arcs: centre, direction of the middle, sector
SEGMENT_COLUMNS = 13
AHEAD, ACROSS, ALONG, MOTION_PER_M, MOTION_PER_RAD = range(5)
NOT_HELD = np.iinfo(np.int64).min
FRAME_BLOCK = 64  # pixels of a frame that are looked at together
_SLACK = 1e-9  # segments overlap by this much (m, or in a cosine), so that rounding leaves no gap between them
_kernel = njit(cache=True, nogil=True, error_model="numpy")
_inline = njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_kernel
def foot(segment, x, y):
    """(whether the perpendicular from a point falls on a segment, offset to its left, tangent x, tangent y)."""
    curvature = segment[CURVATURE]
    if curvature == 0.0:
        tx, ty = segment[COS], segment[SIN]
        dx, dy = x - segment[START_X], y - segment[START_Y]
        s = dx * tx + dy * ty
        return -_SLACK <= s <= segment[LENGTH] + _SLACK, dy * tx - dx * ty, tx, ty
    dx, dy = x - segment[CENTRE_X], y - segment[CENTRE_Y]
    radius = math.sqrt(dx * dx + dy * dy)
    if radius < _SLACK:
        return False, 0.0, 1.0, 0.0
    dx /= radius
    dy /= radius
    on_segment = dx * segment[MIDDLE_X] + dy * segment[MIDDLE_Y] >= segment[COS_HALF] - _SLACK
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
    first, last = _span(s, ds, -_SLACK, segment[LENGTH] + _SLACK, 0, out.shape[0] - 1)
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
    middle_x, middle_y, least = segment[MIDDLE_X], segment[MIDDLE_Y], segment[COS_HALF] - _SLACK
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

    The pixels of a row lie evenly on a straight line on the ground, so those that a painted line or ring touches are
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


@_inline
def _advance_pixel(i, place, t0, t1, l0, l1, base, reference, off, on, release, refractory, events, count):
    """Let the log intensity of pixel i run from l0 at t0 to l1 at t1 (us); append its events.

    ``place`` is that of pixel 0: row << 16 | column << 1.
    """
    if t1 <= t0:
        return count
    t = t0
    while True:
        if release[i] != NOT_HELD:
            if release[i] >= t1:
                return count
            t = max(t, release[i])
            reference[i] = l0 + (l1 - l0) / (t1 - t0) * (t - t0)
            release[i] = NOT_HELD
        if l1 > l0:
            polarity = 1
            target = reference[i] + on[i]
            if target > l1:
                return count
        elif l1 < l0:
            polarity = 0
            target = reference[i] - off[i]
            if target < l1:
                return count
        else:
            return count
        t = min(max(t, t0 + int(math.floor((target - l0) / (l1 - l0) * (t1 - t0)))), t1 - 1)
        events[count] = ((t - base) << 32) | (place + (i << 1)) | polarity
        count += 1
        if refractory > 0:
            release[i] = t + refractory
        else:
            reference[i] = target


@_inline
def _update_noisy(
    row, new, t0, t1, base, level, reference, off, on, release, since, refractory, noise, begin, end, events, count
):  # fmt: skip
    """Let the pixels of a row that noise events begin to end - 1 touch run from ``level`` to ``new``, and there be.

    A noise event resets its pixel like any other: what the pixel sees at that moment becomes its reference.
    """
    noise_t, noise_x, noise_on, _ = noise
    place = row << 16
    for k in range(begin, end):
        i, t = noise_x[k], noise_t[k]
        last = max(since[i], t0)
        value = level[i] + (new[i] - level[i]) * np.float32((t - last) / (t1 - last))
        count = _advance_pixel(
            i, place, last, t, level[i], value, base, reference, off, on, release, refractory, events, count
        )  # fmt: skip
        level[i] = value
        since[i] = t
        if release[i] == NOT_HELD or release[i] <= t:
            events[count] = ((t - base) << 32) | (place + (i << 1)) | noise_on[k]
            count += 1
            reference[i] = value
            release[i] = t + refractory if refractory > 0 else NOT_HELD
    for k in range(begin, end):
        i = noise_x[k]
        if level[i] != new[i]:
            count = _advance_pixel(
                i, place, since[i], t1, level[i], new[i], base, reference, off, on, release, refractory, events, count
            )  # fmt: skip
            level[i] = new[i]
    return count


@_kernel
def update_row(row, new, t0, t1, base, pixels, noise, noise_begin, noise_end, events, count):
    """Let one row of pixels run from ``level`` at t0 to ``new`` at t1 (us); return the number of events in the buffer.

    Noise events are those from noise_begin to noise_end.
    """
    level, reference, off, on, release, since, refractory = pixels
    width = new.shape[0]
    first, stop = row * width, (row + 1) * width
    # Slices, as numba then knows that no index is negative: the loop over all pixels becomes several times as fast.
    level, reference, off, on = level[first:stop], reference[first:stop], off[first:stop], on[first:stop]
    release, since = release[first:stop], since[first:stop]
    count = _update_noisy(
        row, new, t0, t1, base, level, reference, off, on, release, since, refractory, noise, noise_begin, noise_end,
        events, count,
    )  # fmt: skip
    for i in range(width):
        if level[i] != new[i]:
            count = _advance_pixel(
                i, row << 16, t0, t1, level[i], new[i], base, reference, off, on, release, refractory, events, count
            )  # fmt: skip
            level[i] = new[i]
    return count


@_kernel
def update_image(image, t0, t1, pixels, noise, events):
    """update_row for every row of an image; returns the number of events (times relative to t0)."""
    count = 0
    for row in range(image.shape[0]):
        count = update_row(row, image[row], t0, t1, t0, pixels, noise, noise[3][row], noise[3][row + 1], events, count)
    return count


@_inline
def _differ(a, b):
    """Whether two rows of numbers differ; without an early end, so that it is a few vector instructions."""
    different = 0
    for i in range(a.shape[0]):
        different += a[i] != b[i]
    return different > 0


@_inline
def _stirred(new, last, response, reference, off, on, release, found):
    """List the pixels that change and are past a threshold, or held; all others only see. Returns how many.

    Without branches, which no processor could foresee.
    """
    changed = 0
    for i in range(new.shape[0]):
        found[changed] = i
        changed += new[i] != last[i]
    count = 0
    for k in range(changed):
        i = found[k]
        level = response[new[i]]
        found[count] = i
        count += (level >= reference[i] + on[i]) | (level <= reference[i] - off[i]) | (release[i] != NOT_HELD)
    return count


@_kernel
def update_frame(first_row, count, row_bound, image, last, response, t0, t1, pixels, noise, new, found, events):
    """update_image for an image of codes and their ``response`` (float32), from the image ``last``, which becomes it.

    ``level`` is that of ``last`` and not kept. ``count`` events are in the buffer. Returns (rows done, events); early,
    before a row, when fewer than ``row_bound`` places are left in ``events``. ``new``: float32 (width),
    ``found``: uint32 (FRAME_BLOCK), room to work in.
    """
    level, reference, off, on, release, since, refractory = pixels
    noise_x, noise_first = noise[1], noise[3]
    height, width = image.shape
    for row in range(first_row, height):
        if events.shape[0] - count < row_bound:
            return row, count
        codes, before = image[row], last[row]
        first = row * width
        noise_begin, noise_end = noise_first[row], noise_first[row + 1]
        if noise_begin < noise_end:
            stop = first + width
            levels = level[first:stop]
            for k in range(noise_begin, noise_end):
                i = noise_x[k]
                levels[i], new[i] = response[before[i]], response[codes[i]]
            count = _update_noisy(
                row, new, t0, t1, t0, levels, reference[first:stop], off[first:stop], on[first:stop],
                release[first:stop], since[first:stop], refractory, noise, noise_begin, noise_end, events, count,
            )  # fmt: skip
            for k in range(noise_begin, noise_end):
                before[noise_x[k]] = codes[noise_x[k]]
        if not _differ(codes, before):
            continue
        for begin in range(0, width, FRAME_BLOCK):
            end = min(begin + FRAME_BLOCK, width)
            c, b = codes[begin:end], before[begin:end]
            if not _differ(c, b):
                continue
            f, e = first + begin, first + end
            r, lower, upper, held = reference[f:e], off[f:e], on[f:e], release[f:e]
            for k in range(_stirred(c, b, response, r, lower, upper, held, found)):
                i = found[k]
                count = _advance_pixel(
                    i, row << 16 | begin << 1, t0, t1, response[b[i]], response[c[i]], t0, r, lower, upper, held,
                    refractory, events, count,
                )  # fmt: skip
            b[:] = c
    return height, count


@_kernel
def film_rows(first_row, row_bound, path, begin, tick_us, max_motion_px, dark, out, rows, scene, pixels, noise, events):
    """Let rows ``first_row`` and below watch a window; return (rows done, events, rows painted).

    ``path`` (ticks + 1, 6): x, y, cosine and sine of yaw, |speed| m/s, |turn rate| rad/s at each tick. A row is painted
    when its picture would have moved by more than ``max_motion_px`` at the next tick, and at the window's end.
    Returns early, before a row, when fewer than ``row_bound`` places are left in ``events``. ``out``: float32 (width).
    """
    ticks = path.shape[0] - 1
    tick_s = 1e-6 * tick_us
    end = begin + ticks * tick_us
    count, painted, width = 0, 0, out.shape[0]
    level, noise_t, noise_first = pixels[0], noise[0], noise[3]
    for row in range(first_row, rows.shape[0]):
        if events.shape[0] - count < row_bound:
            return row, count, painted
        k, noise_end = noise_first[row], noise_first[row + 1]
        if dark or rows[row, ACROSS] == 0.0:
            out[:] = level[row * width : (row + 1) * width]
            count = update_row(row, out, begin, end, begin, pixels, noise, k, noise_end, events, count)
            continue
        per_s, per_rad = rows[row, MOTION_PER_M] * tick_s, rows[row, MOTION_PER_RAD] * tick_s
        last, motion = begin, 0.0
        for tick in range(1, ticks + 1):
            motion += path[tick, 4] * per_s + path[tick, 5] * per_rad
            if tick < ticks and motion + path[tick + 1, 4] * per_s + path[tick + 1, 5] * per_rad <= max_motion_px:
                continue
            now = begin + tick * tick_us
            paint_row(out, path[tick, 0], path[tick, 1], path[tick, 2], path[tick, 3], rows[row], scene)
            stop = k
            while stop < noise_end and noise_t[stop] < now:
                stop += 1
            count = update_row(row, out, last, now, begin, pixels, noise, k, stop, events, count)
            k, last, motion = stop, now, 0.0
            painted += 1
    return rows.shape[0], count, painted


@_kernel
def sort_events(packed, places, out):
    """Sort packed events into ``out``: count those of each time, in ``places`` (int32, interval in us, of zeros).

    Made for events that lie in order but for their times: those of one time are put right by insertion.
    """
    for k in range(packed.shape[0]):
        places[packed[k] >> 32] += 1
    begin = 0
    for t in range(places.shape[0]):
        begin, places[t] = begin + places[t], begin
    for k in range(packed.shape[0]):
        t = packed[k] >> 32
        out[places[t]] = packed[k]
        places[t] += 1
    for k in range(1, out.shape[0]):
        event, j = out[k], k
        while j > 0 and out[j - 1] > event:
            out[j] = out[j - 1]
            j -= 1
        out[j] = event


@_kernel
def unpack_events(packed, base, t, x, y, polarity):
    """Split packed events into their columns."""
    for i in range(packed.shape[0]):
        t[i] = base + (packed[i] >> 32)
        y[i] = (packed[i] >> 16) & 0x7FFF
        x[i] = (packed[i] >> 1) & 0x7FFF
        polarity[i] = packed[i] & 1


@_kernel
def drive(state, v, omega, tick_s, max_dv, max_domega, path):
    """Fill ``path`` (ticks + 1, 5: x, y, yaw, v, omega) from ``state`` (5) under a held command; ``state`` moves on.

    In a tick the speeds are constant, so the robot moves on an exact arc: a chord of v t sin(a)/a, a = omega t / 2.
    """
    path[0] = state
    x, y, yaw, speed, turn = state[0], state[1], state[2], state[3], state[4]
    for tick in range(1, path.shape[0]):
        speed += min(max(v - speed, -max_dv), max_dv)
        turn += min(max(omega - turn, -max_domega), max_domega)
        a = 0.5 * turn * tick_s
        chord = speed * tick_s * (math.sin(a) / a if abs(a) > 1e-8 else 1.0)
        x += chord * math.cos(yaw + a)
        y += chord * math.sin(yaw + a)
        yaw += 2.0 * a
        if yaw > math.pi:
            yaw -= 2.0 * math.pi
        elif yaw <= -math.pi:
            yaw += 2.0 * math.pi
        path[tick, 0], path[tick, 1], path[tick, 2], path[tick, 3], path[tick, 4] = x, y, yaw, speed, turn
    state[:] = path[path.shape[0] - 1]
