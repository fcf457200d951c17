"""When an event pixel fires: jitted inner loops that allocate and check nothing; the classes around them do.

- ``pixels``, a tuple of flat arrays and a number: ``level`` float32 (log intensity when last seen), ``reference`` (log
  intensity memorised), ``off`` and ``on`` float32 (thresholds). Then ``release`` int64 us (end of a hold in reset, or
  NOT_HELD), ``since`` int64 us (time of ``level`` where noise has split an interval), refractory time (us).
- ``noise``, a tuple of int64 arrays: times (us), columns, whether ON, and where each row's events begin (height + 1).
- An event is one int64, ``(t - base) << 32 | row << 16 | column << 1 | on``: sorting numbers sorts events by time and
  pixel.
"""

import math

import numpy as np
from numba import njit

NOT_HELD = np.iinfo(np.int64).min
FRAME_BLOCK = 64  # pixels of a frame that are looked at together
_kernel = njit(cache=True, nogil=True, error_model="numpy")
_inline = njit(cache=True, nogil=True, error_model="numpy", inline="always")


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
    """List the pixels that change and are past a threshold, or kept in reset; all others only see. Returns how many.

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
    before a row, when fewer than ``row_bound`` places are left in ``events``. ``new``: float32 (width), ``found``:
    uint32 (FRAME_BLOCK), space to work in.
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
