"""Background activity: an event that nothing nearby supports is noise."""

import numpy as np
from numba import njit

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.filters.base import NEVER, Filter, select

MAX_WINDOW_US = 10**9
MAX_SHORT_WINDOW_US = 8192
LAST_TIME_US = np.iinfo(np.int64).max

REFRESH_AT, LATEST, STATE_SIZE = range(3)


class BackgroundActivityFilter(Filter):
    """Keeps an event when one of the 8 pixels around it had one, of either polarity, at most ``window_us`` before.

    A pixel does not support itself; events that are dropped support others all the same.

    window_us: us, 0 to 10**9.

    Raises UserError for a window out of range.

    Source: T. Delbruck, "Frame-free dynamic digital vision", Proc. Intl. Symp. on Secure-Life Electronics, 2008. As
    there, an event leaves its time at the pixels around it, and looks only at its own. With times that do not run
    backwards that is the same as looking at all eight. A store need not wait for anything.
    """

    name = "background"

    def __init__(self, width: int, height: int, window_us: int = 2000) -> None:
        super().__init__(width, height)
        if not 0 <= window_us <= MAX_WINDOW_US:
            raise UserError(f"{self.name}: window of {window_us} us: expected 0 to {MAX_WINDOW_US}")
        self.window_us = window_us
        # The low bits of times, since a small surface stays in the cache; with a border that nobody looks at.
        bits = np.uint16 if window_us <= MAX_SHORT_WINDOW_US else np.uint32
        self._supported_at = np.zeros((height + 2) * (width + 2), bits)
        # What is too old to support is made younger before its age could come round: between two refreshes it grows to
        # this and two windows.
        self._refresh_us = int(np.iinfo(bits).max) - 2 * window_us - 1
        self._state = np.full(STATE_SIZE, NEVER, np.int64)

    def _filter(self, events: Events) -> Events:
        return select(_filter, events, self.width, self.window_us, self._refresh_us, self._supported_at, self._state)

    def _forget(self) -> None:
        self._state[:] = NEVER


@njit(cache=True, nogil=True)
def _filter(
    t,
    x,
    y,
    polarity,
    width,
    window_us,
    refresh_us,
    supported_at,
    state,
    t_kept,
    x_kept,
    y_kept,
    polarity_kept,
):
    low_bits = supported_at.dtype.type
    window = low_bits(window_us)
    refresh_at, latest = state[REFRESH_AT], state[LATEST]
    n = len(t)
    begin = kept = 0
    while begin < n:
        if t[begin] > refresh_at:
            all_are_old = latest < t[begin] - window_us
            _refresh(low_bits(t[begin]), all_are_old, window, supported_at)
            refresh_at = min(t[begin], LAST_TIME_US - refresh_us) + refresh_us
        end = n
        if t[n - 1] > refresh_at:
            end = begin + np.searchsorted(t[begin:], refresh_at, side="right")
        kept += _keep_supported(
            t[begin:end],
            x[begin:end],
            y[begin:end],
            polarity[begin:end],
            width,
            window,
            supported_at,
            t_kept[kept:],
            x_kept[kept:],
            y_kept[kept:],
            polarity_kept[kept:],
        )
        latest = t[end - 1]
        begin = end
    state[REFRESH_AT], state[LATEST] = refresh_at, latest
    return kept


@njit(cache=True, nogil=True)
def _keep_supported(t, x, y, polarity, width, window, supported_at, t_kept, x_kept, y_kept, polarity_kept):
    low_bits = supported_at.dtype.type
    stride = np.uint64(width + 2)
    kept = 0
    for i in range(len(t)):
        now = low_bits(t[i])
        # Unsigned, so that no index is taken for one from the end.
        above = np.uint64(y[i]) * stride + np.uint64(x[i])
        left = above + stride
        below = left + stride
        supported = low_bits(now - supported_at[left + np.uint64(1)]) <= window
        supported_at[above] = now
        supported_at[above + np.uint64(1)] = now
        supported_at[above + np.uint64(2)] = now
        supported_at[left] = now
        supported_at[left + np.uint64(2)] = now
        supported_at[below] = now
        supported_at[below + np.uint64(1)] = now
        supported_at[below + np.uint64(2)] = now
        t_kept[kept] = t[i]
        x_kept[kept] = x[i]
        y_kept[kept] = y[i]
        polarity_kept[kept] = polarity[i]
        kept += supported
    return kept


@njit(cache=True, nogil=True)
def _refresh(now, all_are_old, window, supported_at):
    """Make the times that are too old to support anything just too old."""
    low_bits = supported_at.dtype.type
    too_old = low_bits(now - window - low_bits(1))
    for i in range(len(supported_at)):
        if all_are_old or low_bits(now - supported_at[i]) > window:
            supported_at[i] = too_old
