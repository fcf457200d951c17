import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.pooling import RectanglePooling
from snn_core.events.time_surface import TimeSurface
from tests.events.streams import as_tuples, random_events

POOLING = RectanglePooling(6, 4, 2, 3, crop_left=1, per_polarity=True)


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(0, 40), st.integers(0, 500))
def test_kernel_and_definition_agree(seed, n, cut, later_us):
    events = random_events(np.random.default_rng(seed), n, 6, 4, start_us=1_700_000_000_000_000, mean_interval_us=40)
    surface = TimeSurface(POOLING, tau_us=100.0)
    surface.update(events[:cut])
    surface.update(events[cut:])
    now_us = 1_700_000_000_000_000 + later_us + (int(events.t[-1] - events.t[0]) if n else 0)
    now_us = max(now_us, int(events.t[-1])) if n else now_us
    pools = POOLING.assign(events.x, events.y, events.polarity).tolist()
    last = {pool: t for (t, *_), pool in zip(as_tuples(events), pools, strict=True) if pool >= 0}
    expected = [math.exp(-(now_us - last[pool]) / 100.0) if pool in last else 0.0 for pool in range(POOLING.size)]
    assert surface.at(now_us) == pytest.approx(expected, abs=1e-6)
    surface.reset()
    assert not surface.at(now_us).any()


@pytest.mark.parametrize("tau_us", [0.0, -1.0, math.inf, math.nan])
def test_time_constants_that_cannot_be(tau_us):
    with pytest.raises(ValueError, match="expected one above 0"):
        TimeSurface(POOLING, tau_us)
