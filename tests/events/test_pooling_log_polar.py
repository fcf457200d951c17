import math

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.log_polar import LogPolarPooling


def ring_and_sector(x: int, y: int, rings: int, sectors: int, fovea: float, radius: float, centre) -> tuple[int, int]:
    """By the borders of the rings: ring k begins at fovea ((1 + radius / fovea)^(k / rings) - 1)."""
    across, down = x - centre[0], y - centre[1]
    begins = [fovea * ((1 + radius / fovea) ** (k / rings) - 1) for k in range(rings + 1)]
    ring = sum(math.hypot(across, down) >= begin for begin in begins) - 1
    degrees = math.degrees(math.atan2(down, across)) % 360
    return ring, int(degrees // (360 / sectors))


@pytest.mark.parametrize(
    ("size", "rings", "sectors", "fovea", "radius", "centre"),
    [((40, 30), 4, 8, 6.0, None, None), ((41, 33), 3, 5, 5.0, 25.0, (12.3, 20.1)), ((64, 64), 6, 12, 20.0, 40.0, None)],
)
def test_rings_and_sectors(size, rings, sectors, fovea, radius, centre):
    width, height = size
    pooling = LogPolarPooling(width, height, rings, sectors, fovea, radius, centre)
    assert pooling.size == rings * sectors
    at = centre or ((width - 1) / 2, (height - 1) / 2)
    outer = radius or min(size) / 2
    for y in range(height):
        for x in range(width):
            ring, sector = ring_and_sector(x, y, rings, sectors, fovea, outer, at)
            assert pooling.pool_of_pixel[y, x] == (ring * sectors + sector if ring < rings else -1), (x, y)


def test_pools_grow_from_the_centre():
    pooling = LogPolarPooling(128, 128, 6, 16, 10.0)
    pixels = np.bincount(pooling.pool_of_pixel[pooling.pool_of_pixel >= 0]).reshape(6, 16).sum(axis=1)
    assert (np.diff(pixels) > 0).all()


def test_per_polarity():
    pooling = LogPolarPooling(16, 16, 2, 4, 4.0, per_polarity=True)
    x, y = np.array([8, 8, 0], np.uint16), np.array([8, 8, 0], np.uint16)
    assert pooling.size == 16
    assert pooling.assign(x, y, np.array([0, 1, 1], np.uint8)).tolist() == [0, 8, -1]
    assert pooling.counts(x, y, np.array([0, 1, 1], np.uint8)).tolist() == [1, *[0] * 7, 1, *[0] * 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8, 4.0), "rings is 0, expected a number above 0"),
        ((2, 0, 4.0), "sectors is 0"),
        ((2, 8, 0.0), "fovea_px is 0.0"),
        ((2, 8, 4.0, math.nan), "radius_px is nan"),
        ((12, 16, 1.0), "a pool of ring 0 of 12 has no pixel; take fewer rings or sectors, a larger fovea_px"),
        ((2, 4, 4.0, None, (-100.0, 5.0)), "a pool of ring 0 of 2 has no pixel"),
    ],
)
def test_impossible_poolings_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        LogPolarPooling(32, 32, *arguments)
