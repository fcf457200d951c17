"""Encoders against their twins, and their statistics."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.encoders.event_driven import EventDrivenEncoder, EventDrivenEncoding
from snn_core.control.encoders.poisson import PoissonEncoder, PoissonEncoding
from snn_core.control.spec import make_encoder
from tests.network.networks import controller_spec
from tests.reference import event_driven_spikes, poisson_probability

POOLING = {"rows": 1, "columns": 4}


def poisson(seed: int = 0, **changes) -> PoissonEncoder:
    spec = PoissonEncoding.model_validate({"code": "poisson", "population": "input", "pooling": POOLING, **changes})
    return PoissonEncoder(spec, 1000, np.random.default_rng(seed))


def event_driven(k: int, refractory_ms: float = 0.0) -> EventDrivenEncoder:
    code = {"code": "event_driven", "population": "input", "events_per_spike": k, "refractory_ms": refractory_ms}
    spec = EventDrivenEncoding.model_validate({**code, "pooling": POOLING})
    return EventDrivenEncoder(spec, 1000)


def by_step(offsets: np.ndarray, inputs: np.ndarray) -> list[list[int]]:
    return [inputs[a:b].tolist() for a, b in pairwise(offsets)]


@given(st.data())
def test_event_driven_encoder_spikes_as_its_twin(data):
    k, n_events, refractory = (data.draw(st.integers(*range_)) for range_ in ((1, 5), (0, 800), (0, 60)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    times = np.sort(rng.integers(5_000_000, 5_100_000, n_events))
    pools = rng.integers(-1, 4, n_events).astype(np.int32)
    encoder = event_driven(k, refractory)

    ours = []
    for begin_us in (5_000_000, 5_050_000):
        here = (times >= begin_us) & (times < begin_us + 50_000)
        ours += by_step(*encoder.encode(times[here], pools[here], begin_us, 50))

    assert ours == event_driven_spikes(times.tolist(), pools.tolist(), 4, k, 5_000_000, 1000, 100, refractory)


def test_event_driven_encoder_carries_over_and_forgets_at_rest():
    encoder = event_driven(3)
    two = np.array([0, 10]), np.zeros(2, np.int32)
    assert encoder.encode(*two, 0, 50)[1].size == 0
    assert encoder.encode(two[0] + 50_000, two[1], 50_000, 50)[1].tolist() == [0]
    encoder.rest()
    assert encoder.encode(two[0] + 100_000, two[1], 100_000, 50)[1].size == 0


def test_refractory_inputs_count_no_events():
    encoder = event_driven(1, refractory_ms=5.0)
    times = np.array([47_000, 47_001, 48_000, 49_999]), np.zeros(4, np.int32)
    assert by_step(*encoder.encode(*times, 0, 50))[47:] == [[0], [], []]
    times = np.array([52_999, 53_000, 58_999, 59_000]), np.zeros(4, np.int32)
    assert by_step(*encoder.encode(*times, 50_000, 50))[:10] == [[], [], [], [0], [], [], [], [], [], [0]]


def test_a_refractory_period_between_steps_is_refused():
    encoder = {"code": "event_driven", "population": "input", "events_per_spike": 7, "refractory_ms": 2.5}
    with pytest.raises(ValueError, match=r"encoder\.refractory_ms must be a multiple of dt_ms \(1\.0\), found 2\.5"):
        controller_spec(encoder={**encoder, "pooling": POOLING})


def test_events_outside_the_window_are_refused():
    for time_us in (-1, 50_000):
        with pytest.raises(ValueError, match="within the 50 steps"):
            event_driven(1).encode(np.array([time_us]), np.zeros(1, np.int32), 0, 50)


@pytest.mark.parametrize("count", [0, 1, 7, 15, 40])
def test_poisson_encoder_has_the_rate_of_the_paper(count):
    encoder, steps = poisson(seed=count), 50
    pools = np.repeat(np.arange(4, dtype=np.int32), [count, 0, 0, 0])
    windows = 2000
    spikes = sum(encoder.encode(np.zeros(count, np.int64), pools, 0, steps)[1].size for _ in range(windows))
    p = poisson_probability(count, 300.0, 15, 1.0)
    trials = windows * steps
    assert abs(spikes - trials * p) <= 5 * np.sqrt(trials * p * (1 - p))


def test_poisson_spikes_are_independent_of_the_events_that_fall_into_no_pool():
    pools = np.array([0, -1, 1, -1], np.int32)
    with_none = poisson().encode(np.zeros(4, np.int64), pools, 0, 50)
    without = poisson().encode(np.zeros(2, np.int64), pools[pools >= 0], 0, 50)
    np.testing.assert_array_equal(with_none[1], without[1])


def test_offsets_count_the_spikes_of_each_step():
    pools = np.repeat(np.arange(4, dtype=np.int32), 15)
    offsets, inputs = poisson().encode(np.zeros(60, np.int64), pools, 0, 50)
    assert offsets[0] == 0
    assert offsets[-1] == inputs.size > 0
    assert all(step == sorted(set(step)) for step in by_step(offsets, inputs))


@pytest.mark.parametrize("code", ["poisson", "event_driven"])
def test_state_restores_what_follows(code):
    encoder_data = {"code": code, "population": "input", "pooling": POOLING}
    if code == "event_driven":
        encoder_data |= {"events_per_spike": 2, "refractory_ms": 30.0}
    spec = controller_spec(encoder=encoder_data)
    rng = np.random.default_rng(0)
    encoder, other = make_encoder(spec, 1), make_encoder(spec, 2)

    def window(of, begin_us):
        times = np.sort(np.random.default_rng(begin_us).integers(begin_us, begin_us + 50_000, 100))
        return of.encode(times, np.random.default_rng(begin_us).integers(0, 4, 100).astype(np.int32), begin_us, 50)

    for begin_us in range(0, int(rng.integers(1, 5)) * 50_000, 50_000):
        window(encoder, begin_us)
    other.set_state(encoder.state())
    np.testing.assert_array_equal(window(other, 500_000)[1], window(encoder, 500_000)[1])


@pytest.mark.parametrize("state", [{}, {"collected": [0, 0]}, {"collected": [0, 0, 0, 7]}, {"collected": "x"}])
def test_a_state_that_does_not_fit_is_refused(state):
    encoder = event_driven(7)
    with pytest.raises((ValueError, KeyError, TypeError)):
        encoder.set_state(state)
    assert encoder.state() == {"collected": [0, 0, 0, 0]}


@pytest.mark.parametrize("ready", [[0, 0], [0, 0, 0, 5], [-1, 0, 0, 0], "x"])
def test_refractory_steps_that_do_not_fit_are_refused(ready):
    encoder = event_driven(7, 3.0)
    before = encoder.state()
    with pytest.raises((ValueError, TypeError)):
        encoder.set_state({"collected": [0, 1, 2, 3], "ready": ready})
    assert encoder.state() == before
