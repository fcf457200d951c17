"""What is measured, and how it is told."""

import io
import json
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from snn_core.errors import UserError
from spikedrive_benchmarks.snn import bandwidth
from spikedrive_benchmarks.snn.bandwidth import _scale, last_level_cache_bytes
from spikedrive_benchmarks.snn.measure import PARTS, measure
from spikedrive_benchmarks.snn.processes import Worker, available, chosen
from spikedrive_benchmarks.snn.scaling import against_rate, against_size, memory
from spikedrive_benchmarks.snn.simulators import ALWAYS, NAMES
from spikedrive_benchmarks.snn.start import first_step
from spikedrive_benchmarks.snn.tables import print_tables
from spikedrive_nodes.cli import app as cli

KEYS = {"workload", "simulator", "cpu_us_per_step", "max_step_us"}


def quiet(text: str) -> None:
    """Progress that no one looks at."""


def told(figures: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_tables(figures, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("size", "repeats"), [(1, 1), (17, 2), (1000, 3)])
def test_bandwidth_kernel_touches_each_number_each_time(size, repeats):
    array = np.arange(size, dtype=np.float32)
    _scale(array, repeats)
    np.testing.assert_array_equal(array, np.arange(size) * (-1.0) ** repeats)


def test_last_level_cache_is_the_largest_that_linux_tells_of(tmp_path, monkeypatch):
    monkeypatch.setattr(bandwidth, "CACHES", tmp_path)
    assert last_level_cache_bytes() == 1 << 26
    for index, size in enumerate(("32K", "32K", "1024K", "36M")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(f"{size}\n")
    assert last_level_cache_bytes() == 36 << 20


@pytest.mark.processes
@pytest.mark.slow
def test_w1_is_compared_with_the_dense_step():
    figures = measure(["W1"], ALWAYS, 100, 2, quiet)
    rows = figures["rows"]
    assert [row["simulator"] for row in rows] == list(ALWAYS)
    assert rows[0]["ratio"] == 1
    assert rows[1]["ratio"] == rows[1]["cpu_us_per_step"] / rows[0]["cpu_us_per_step"]
    assert 0 <= rows[1]["spikes_differing"] <= 0.02 * rows[1]["spikes_compared"]
    for row in rows:
        assert row.keys() >= KEYS
        assert row["cpu_us_per_step_lowest"] <= row["cpu_us_per_step"] <= row["cpu_us_per_step_highest"]
        assert 0 < row["single_step_us"] <= row["max_step_us"] <= row["max_step_us_highest"]
        assert 5 < row["hidden_rate_hz"] < 30
    assert figures["machine"]["threads"] == 1
    assert figures["bounds"]["W1"]["bound_us_per_step"] > 0
    table = told(json.loads(json.dumps(figures)))
    assert all(name in table for name in ALWAYS)


@pytest.mark.processes
@pytest.mark.slow
def test_what_spikedrive_alone_is_measured_by():
    silent, driven = against_rate("W1", 100, 1, quiet, (0.0, 40.0))
    assert (silent["workload"], driven["workload"]) == ("W1_0_hz", "W1_40_hz")
    assert silent["hidden_rate_hz"] == 0 < driven["hidden_rate_hz"]
    assert driven["plastic_us_per_step"] == driven["cpu_us_per_step"] - driven["held_us_per_step"]
    (recurrent,) = against_size(100, 1, quiet, (1000,))
    assert recurrent["plastic_synapses"] == 100_000
    assert recurrent["real_time_factor"] == 1000 / recurrent["cpu_us_per_step"]
    dense, sparse = memory(quiet, ("W1", "recurrent_1000"))
    assert dense["bytes_per_synapse"] >= 8
    assert dense["wiring_bytes_per_synapse"] < 1
    assert sparse["bytes_per_synapse"] >= 8
    assert sparse["wiring_bytes_per_synapse"] >= 4 + 1 + 4, "index, delay and reverse index"
    assert 0 < sparse["peak_rss_gib"] < 2
    (start,) = first_step(1, quiet, ("lane",))
    assert start["start_s"] == pytest.approx(start["build_s"] + start["first_step_s"])
    rows = [silent, driven, recurrent, dense, sparse, start]
    assert all(row.keys() >= KEYS for row in rows)
    table = told({"machine": {"memory_gb_s": 1.0}, "bounds": {}, "rows": rows})
    for text in ("100,000", f"{recurrent['cpu_us_per_step']:.3g}", f"{start['start_s']:.3g}"):
        assert text in table


@pytest.mark.processes
def test_worker_goes_on_from_where_it_stopped():
    with Worker("spikedrive", "W1", 400) as one, Worker("spikedrive", "W1", 400) as other:
        together = one.ask("calls", 400)["spikes"]
        apart = [other.ask(question, 100) for question in ("calls", "single", "calls", "spikes")]
    assert sum(answer["spikes"] for answer in apart[:3]) + len(apart[3]) == together


@pytest.mark.processes
def test_worker_that_cannot_begin_says_why():
    with (
        Worker("spikedrive", "no such workload", 100) as worker,
        pytest.raises(RuntimeError, match=r"(?s)spikedrive ended with 1.*no such workload"),
    ):
        worker.ask("calls", 100)


def test_simulators_are_those_asked_for_in_our_order():
    assert chosen([]) == available()
    assert chosen(["numba_dense", "spikedrive"]) == list(ALWAYS)
    with pytest.raises(UserError, match=r"--simulator genesis: expected one of spikedrive, numba_dense"):
        chosen(["genesis"])


@pytest.mark.skipif(len(available()) == len(NAMES), reason="needs a simulator that is not installed; all are")
def test_simulator_that_is_not_installed_is_refused():
    missing = next(name for name in NAMES if name not in available())
    with pytest.raises(UserError, match=f"--simulator {missing}: not installed here; make bench-setup"):
        chosen([missing])


def test_workload_that_is_not_measured_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", "snn", "--workload", "W9"])
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(f"spikedrive: --workload W9: expected one of {', '.join(PARTS)}\n")


@pytest.mark.processes
def test_command_writes_rows_as_json(tmp_path, capsys):
    path = tmp_path / "bench.json"
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", "snn", "--workload", "lane", "--steps", "100", "--rounds", "1", "--json", str(path)])
    assert not end.value.code
    rows = json.loads(path.read_text())["rows"]
    assert [row["workload"] for row in rows] == ["lane", "lane_polarity"]
    assert "lane_polarity" in capsys.readouterr().out
