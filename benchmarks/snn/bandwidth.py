"""How fast one core moves memory: the bound of any step that reads and writes synapses."""

import time
from pathlib import Path

import numpy as np
from numba import njit

PASSES = 9
MOVED_BYTES = 1 << 28
"""Of a pass, at least."""
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def last_level_cache_bytes() -> int:
    """Size of the largest cache that Linux tells of; 64 MiB where it tells of none."""
    sizes = [path.read_text().strip() for path in CACHES.glob("index*/size")]
    return max((int(size[:-1]) << {"K": 10, "M": 20}[size[-1]] for size in sizes), default=1 << 26)


def bandwidth_gb_s(size: int) -> float:
    """Bytes read and written a second (GB/s) by one core that walks over ``size`` bytes again and again; the median of
    some passes, by CPU time.
    """
    array = np.ones(max(size // 4, 1 << 14), np.float32)
    repeats = max(MOVED_BYTES // array.nbytes, 1)
    _scale(array, repeats)
    seconds = [_seconds(array, repeats) for _ in range(PASSES)]
    return float(2 * array.nbytes * repeats / np.median(seconds) * 1e-9)


def _seconds(array: np.ndarray, repeats: int) -> float:
    begin = time.process_time()
    _scale(array, repeats)
    return time.process_time() - begin


@njit(cache=True, nogil=True)
def _scale(array, repeats):
    for _ in range(repeats):
        for i in range(array.size):
            array[i] *= np.float32(-1)
