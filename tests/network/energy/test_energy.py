"""Counts of operations, and the energy that is estimated from them."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.network.energy.estimate import PlatformEstimate, estimate
from snn_core.network.energy.operations import KINDS, NetworkSize, Operations, dense_operations
from snn_core.network.energy.table import TABLE, load_energy_table
from snn_core.network.network import Network
from tests.network.networks import spec, spike_train

DOC = Path(__file__).parents[3] / "docs" / "energy.md"
PLATFORMS = load_energy_table()
SMALL = NetworkSize(synapses=64, state_bytes=1000)
COUNT = st.integers(0, 10**15)
COUNTS = st.builds(Operations, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)


def on(name: str, operations: Operations, size: NetworkSize = SMALL) -> PlatformEstimate:
    """The estimate for one of the shipped platforms."""
    found = estimate(operations, size, PLATFORMS).platforms
    return next(platform for platform in found if platform.platform.name == name)


def test_loihi_by_hand() -> None:
    counts = Operations(
        steps=10, neuron_updates=100, spikes=7, synaptic_events=50, learning_updates=20, memory_bytes=10**6
    )
    found = on("Loihi", counts)
    assert found.total.low == pytest.approx(1e-12 * (100 * 52 + 7 * 1.7 + 50 * 23.6 + 20 * 120))
    assert found.total.high == pytest.approx(1e-12 * (100 * 81 + 7 * 1.7 + 50 * 23.6 + 20 * 120))
    assert found.share("memory_bytes") is None
    assert found.absent == ()


@pytest.mark.parametrize(
    ("state_bytes", "memory", "pj_of_8_bytes"),
    [
        (0, "8 KB SRAM", (10, 10)),
        (8192, "8 KB SRAM", (10, 10)),
        (8193, "32 KB SRAM", (20, 20)),
        (1 << 20, "1 MB SRAM", (100, 100)),
        ((1 << 20) + 1, "DRAM", (1300, 2600)),
    ],
)
def test_the_datapath_fetches_from_the_smallest_memory_that_holds_the_state(
    state_bytes: int, memory: str, pj_of_8_bytes: tuple[float, float]
) -> None:
    counts = Operations(1, 1, 0, 1, 1, 80)
    found = on("datapath", counts, NetworkSize(10, state_bytes))
    assert found.memory == memory
    for end, pj in zip(("low", "high"), pj_of_8_bytes, strict=True):
        assert getattr(found.parts["memory_bytes"], end) == pytest.approx(1e-12 * 10 * pj)
        neuron = 3 * 3.7 + 9 * 0.9 + 4 * pj
        assert getattr(found.parts["neuron_updates"], end) == pytest.approx(1e-12 * neuron)
    assert found.parts["synaptic_events"].low == pytest.approx(0.9e-12)
    assert found.parts["learning_updates"].low == pytest.approx(1e-12 * (8 * 3.7 + 9 * 0.9))


def test_a_dense_network_multiplies_and_fetches_every_weight_in_every_step() -> None:
    assert dense_operations(NetworkSize(64, 0), 1000) == (64_000, 256_000)
    found = estimate(Operations(1000, 0, 0, 0, 0, 0), NetworkSize(64, 1 << 30), PLATFORMS)
    assert found.dense.memory == "8 KB SRAM"  # 256 bytes of weights, whatever the spiking network keeps
    assert found.dense.total.low == pytest.approx(64_000e-12 * (0.9 + 3.7 + 10 / 2))
    assert found.ratio(found.dense) == (1, 1)


def test_a_network_that_needs_no_weights_has_no_ratio() -> None:
    found = estimate(Operations(10, 5, 0, 0, 0, 0), NetworkSize(0, 0), PLATFORMS)
    assert all(found.ratio(platform) is None for platform in found.platforms)


def test_on_the_same_memory_a_ratio_does_not_widen_with_its_price() -> None:
    size = NetworkSize(10**7, 10**8)
    counts = Operations(1, 0, 0, 10**7, 0, 4 * 10**7)
    found = estimate(counts, size, PLATFORMS)
    datapath, loihi = (next(p for p in found.platforms if p.platform.name == name) for name in ("datapath", "Loihi"))
    same = found.ratio(datapath)
    assert same is not None
    assert same.high - same.low < 0.01  # both fetch all weights from DRAM once
    other = found.ratio(loihi)
    assert other is not None
    assert other.high / other.low == pytest.approx(found.dense.total.high / found.dense.total.low)


@given(counts=COUNTS, synapses=st.integers(0, 10**9), state_bytes=st.integers(0, 10**11))
def test_parts_add_up_and_what_is_left_out_is_named(counts: Operations, synapses: int, state_bytes: int) -> None:
    found = estimate(counts, NetworkSize(synapses, state_bytes), PLATFORMS)
    for platform in (*found.platforms, found.dense):
        total = platform.total
        assert 0 <= total.low <= total.middle <= total.high
        assert total.high == pytest.approx(sum(part.high for part in platform.parts.values()))
        shares = [share for kind in platform.parts if (share := platform.share(kind)) is not None]
        assert sum(shares) == pytest.approx(1) if total.middle else not shares
    for platform in found.platforms:
        for kind in KINDS:
            counted = getattr(counts, kind) > 0
            assert (kind in platform.absent) == (counted and kind in platform.platform.absent)
            assert (kind in platform.parts) == (kind in platform.platform.operations)


@given(counts=COUNTS, more=COUNTS, state_bytes=st.integers(0, 10**11))
def test_energy_is_proportional_to_the_counts(counts: Operations, more: Operations, state_bytes: int) -> None:
    size = NetworkSize(100, state_bytes)
    both = Operations(*(a + b for a, b in zip(counts, more, strict=True)))
    assert both.since(more) == counts
    apart = [estimate(part, size, PLATFORMS) for part in (counts, more)]
    together = estimate(both, size, PLATFORMS)
    for one, other, sum_ in zip(apart[0].platforms, apart[1].platforms, together.platforms, strict=True):
        assert sum_.total.low == pytest.approx(one.total.low + other.total.low)
        assert sum_.total.high == pytest.approx(one.total.high + other.total.high)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_state_never_costs_less(one: int, other: int) -> None:
    counts = Operations(1, 1, 1, 1, 1, 1)
    low, high = (on("datapath", counts, NetworkSize(1, size)).total for size in sorted((one, other)))
    assert low.low <= high.low
    assert low.high <= high.high


def test_a_network_counts_what_it_computes() -> None:
    network = Network(spec(inputs=6, neurons=3), 1)
    assert network.operations() == (0,) * 6
    offsets, inputs = spike_train(np.random.default_rng(0), 200, 6, 0.2)
    spikes = network.advance(200, offsets, inputs)
    first = network.operations()
    assert (first.steps, first.neuron_updates) == (200, 600)
    assert first.spikes == inputs.size + spikes.time_us.size
    assert first.synaptic_events == 3 * inputs.size
    assert first.learning_updates >= first.synaptic_events
    assert first.memory_bytes >= 16 * first.synaptic_events  # weight and eligibility, read and written
    network.advance(50, np.zeros(51, np.int64), np.empty(0, np.int32))
    silent = network.operations().since(first)
    assert (silent.steps, silent.neuron_updates, silent.spikes, silent.synaptic_events) == (50, 150, 0, 0)


def test_the_documentation_has_every_number_with_its_source() -> None:
    text = DOC.read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    said = {(row[4], row[5]) for row in rows if len(row) == 6}
    for platform in PLATFORMS.platforms:
        for price in (*platform.prices.values(), *platform.memory):
            number = f"{price.pj[0]:g}" if price.pj[0] == price.pj[1] else f"{price.pj[0]:g} to {price.pj[1]:g}"
            source = f"{price.source.paper}, {price.source.where}"
            assert (number.replace("1e+05", "100000"), source) in said
        assert f"{platform.node_source.paper}, {platform.node_source.where}" in text
        assert f"| {platform.name} | {platform.node_nm:g} nm |" in text
    flowing = " ".join(text.split())
    assert all(f"| {key} | {reference} |" in flowing for key, reference in PLATFORMS.references.items())


def _without(*keys: str | int) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        for key in keys[:-1]:
            table = table[key]
        del table[keys[-1]]

    return change


def _with(value: Any, *keys: str | int) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without("platforms", 1, "prices", "neuron_update", "source"), ("neuron_update.source", "missing")),
        (_without("platforms", 1, "node_source"), ("node_source", "missing")),
        (_without("references", "sharp_2012"), ("SpiNNaker", "sharp_2012", "references")),
        (_without("platforms", 2, "absent", "learning_updates"), ("learning_updates", "absent", "none")),
        (_with("why", "platforms", 2, "absent", "spikes"), ("spikes", "contained and absent")),
        (_with("why", "platforms", 2, "absent", "joules"), ("absent", "joules", "synaptic_events")),
        (_with([81, 52], "platforms", 1, "prices", "neuron_update", "pj"), ("neuron_update", "low and high", "81")),
        (_with(-1, "platforms", 1, "prices", "neuron_update", "pj"), ("neuron_update", "not negative")),
        (_with(".nan", "platforms", 1, "prices", "neuron_update", "pj"), ("neuron_update.pj",)),
        (_with({"sop": 1}, "platforms", 1, "operations", "spikes", "needs"), ("sop", "within_tile_spike")),
        (_with({"memory_byte": 1}, "platforms", 1, "operations", "spikes", "needs"), ("memory_byte", "no price")),
        (_with(1, "platforms", 0, "memory", 3, "capacity_bytes"), ("memory", "capacity_bytes")),
        (_with(1, "platforms", 0, "memory", 2, "capacity_bytes"), ("memory", "smallest")),
        (_with("Loihi", "dense_platform"), ("dense_platform", "multiply_accumulates")),
        (_with("abacus", "dense_platform"), ("dense_platform", "abacus")),
        (_with("Loihi", "platforms", 2, "name"), ("different names",)),
    ],
)
def test_a_table_that_is_not_whole_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[Any], None], named: tuple[str, ...]
) -> None:
    table = copy.deepcopy(yaml.safe_load(TABLE.read_text(encoding="utf-8")))
    change(table)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(table), encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load_energy_table(path)
    message = str(refused.value)
    assert "\n" not in message
    assert all(word in message for word in ("mine.yaml", *named)), message
