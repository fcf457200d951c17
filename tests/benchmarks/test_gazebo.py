"""``spikedrive bench gazebo``: in each Gazebo that is here, and what it says where there is none."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from snn_core.errors import UserError
from spikedrive_benchmarks.gazebo.lockstep import first_difference, learn
from spikedrive_benchmarks.gazebo.measure import TASKS, measure
from spikedrive_benchmarks.gazebo.tables import print_tables
from spikedrive_nodes.processes.environment import ensure_ros_environment
from tests.gazebos import RENDER_ENGINE

SECONDS = 6.0
"""Free running, up to two of them pass before the nodes have found each other."""


@pytest.mark.ros
def test_all_tasks_are_measured(gazebo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_ros_environment()
    monkeypatch.setitem(TASKS, "learn", lambda setting: learn(setting, seeds=(0,)))
    said: list[str] = []
    figures = measure([gazebo], list(TASKS), SECONDS, RENDER_ENGINE, said.append)
    rows = {(row["task"], row["what"]): row for row in figures["rows"]}
    assert [task for task, _ in rows] == ["learn", *["transfer"] * 4, "free", "speed", "speed", "repeat"]
    assert rows["learn", "seed 0"]["simulated_s"] == rows["learn", "seed 0"]["evaluation_s"] == SECONDS
    assert 0.0 < rows["transfer", f"learnt: {gazebo}, driven: embedded, s_bend"]["mean_abs_deviation_m"] < 0.2
    assert 0 < rows["free", "real time"]["delay_p50_us"] <= rows["free", "real time"]["delay_p99_us"]
    assert rows["free", "real time"]["windows"] > 20
    assert rows["speed", "backend alone"]["x_real_time"] > 0
    assert rows["repeat", "one seed twice"]["windows"] == 20 * SECONDS
    assert said
    table = _printed(figures)
    assert f"{gazebo}: learns from scratch" in table
    assert "same" in table


def test_without_a_gazebo_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SPIKEDRIVE_GAZEBO_CLASSIC", str(tmp_path))
    with pytest.raises(UserError, match=r"gz: there is no command gz in PATH.*no Gazebo Classic there"):
        measure([], ["repeat"], 1.0, "", lambda what: None)
    with pytest.raises(UserError, match=r"^gz: there is no command gz in PATH"):
        measure(["gz"], ["repeat"], 1.0, "", lambda what: None)


def test_drives_part_where_a_digest_differs_first() -> None:
    a, b, c = ("1", "x"), ("2", "y"), ("2", "z")
    assert first_difference([a, b], [a, b]) is None
    assert first_difference([a, b, b], [a, c, b]) == 1
    assert first_difference([a, b], [a]) == 1


def _printed(figures: dict) -> str:
    out = io.StringIO()
    print_tables(json.loads(json.dumps(figures)), Console(file=out, width=200))
    return out.getvalue()
