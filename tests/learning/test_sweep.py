"""Sweeps: who chooses what, what goes on after a stop, what happens to what fails."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.learning.experiment import Plan, run_experiment
from snn_core.learning.parameters import load_parameters, with_task, with_window
from snn_core.learning.sweep.base import base_job, with_values
from snn_core.learning.sweep.job import Job, Result, perform
from snn_core.learning.sweep.processes import Processes
from snn_core.learning.sweep.sweep import database_of, tabulate
from snn_core.learning.sweep.table import Row
from snn_core.learning.train import network_for
from tests.learning.sweep_work import BEST_RATE, RATE, dies_always, dies_at_first, quick, rate_of
from tests.learning.sweeps import Inline, make_spec, sweep

GRID = {RATE: {"kind": "grid", "values": [1e-4, 1e-3, 1e-2]}}


def rates(rows: list[Row]) -> dict[int, Any]:
    """The learning rate of each trial."""
    return {row.trial: row.parameters[RATE] for row in sorted(rows, key=lambda row: row.trial)}


def test_a_grid_tries_every_combination_once(tmp_path: Path) -> None:
    deviations = {"kind": "choice", "values": [0.2, 0.3]}
    spec = make_spec(vary={**GRID, "task.max_deviation_m": deviations}, sampler={"name": "grid"}, trials=None)
    rows = sweep(spec, tmp_path / "out").rows
    found = Counter((row.parameters[RATE], row.parameters["task.max_deviation_m"]) for row in rows)
    assert found == Counter({(rate, deviation): 1 for rate in (1e-4, 1e-3, 1e-2) for deviation in (0.2, 0.3)})


def test_the_table_has_median_and_quartiles_over_seeds_best_first(tmp_path: Path) -> None:
    spec = make_spec(vary=GRID, sampler={"name": "grid"}, trials=None, seeds={"first": 4, "count": 5})
    rows = sweep(spec, tmp_path / "out").rows
    assert rows[0].parameters == {RATE: BEST_RATE}
    assert rows[0].seeds == [4, 5, 6, 7, 8]
    assert [rows[0].lower_quartile, rows[0].median, rows[0].upper_quartile] == pytest.approx([0.05, 0.06, 0.07])
    written = json.loads((tmp_path / "out" / "table.json").read_text())
    assert [row["median"] for row in written["trials"]] == [row.median for row in rows]
    assert "learning_rate_per_ms" in (tmp_path / "out" / "effects.svg").read_text()


@pytest.mark.parametrize(
    ("over_seeds", "direction", "expected"),
    [("mean", "minimize", 0.02), ("worst", "minimize", 0.05), ("worst", "maximize", 0.0), ("median", "minimize", 0.01)],
)
def test_seeds_become_one_number(tmp_path: Path, over_seeds: str, direction: str, expected: float) -> None:
    objective = {"figure": "loss", "over_seeds": over_seeds, "direction": direction}
    vary = {RATE: {"kind": "grid", "values": [BEST_RATE]}}
    spec = make_spec(vary=vary, sampler={"name": "grid"}, trials=None, seeds=[0, 1, 5], objective=objective)
    assert sweep(spec, tmp_path / "out").rows[0].objective == pytest.approx(expected)


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_a_sampler_that_learns_comes_close_to_the_best(tmp_path: Path, sampler: str) -> None:
    spec = make_spec(sampler={"name": sampler, "seed": 1}, trials=40, seeds=[0])
    best = sweep(spec, tmp_path / "out").rows[0].parameters[RATE]
    assert abs(np.log10(best / BEST_RATE)) < 0.2  # type: ignore[operator]


def test_an_option_that_the_sampler_does_not_take_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    spec = make_spec(sampler={"name": "tpe", "options": {"n_startups": 3}})
    executor = Inline()
    with pytest.raises(UserError, match=r"sampler\.options.*n_startups"):
        sweep(spec, tmp_path / "out", executor)
    assert executor.ran == []


def test_a_path_that_leads_nowhere_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    spec = make_spec(vary={"network.connections.0.rule.rate": {"kind": "uniform", "low": 0, "high": 1}})
    with pytest.raises(UserError, match=r"network\.connections\.0\.rule: has no 'rate'"):
        sweep(spec, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_a_sweep_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path, sampler: str) -> None:
    vary = GRID if sampler == "grid" else make_spec().vary
    spec = make_spec(vary=vary, sampler={"name": sampler}, trials=3)
    whole = sweep(spec, tmp_path / "whole").rows
    ran = []
    for stop_after in (1, 3, 4, 100):
        executor = Inline(slots=2)
        result = sweep(spec, tmp_path / "parts", executor, lambda state, n=stop_after: state.ran >= n)
        ran += executor.ran
        assert result.interrupted == (stop_after < 100)
    assert sorted(ran) == [(trial, seed) for trial in range(3) for seed in range(3)]
    assert rates(tabulate(tmp_path / "parts")[1]) == rates(whole)


def test_a_sweep_that_is_done_runs_nothing_and_more_trials_go_on(tmp_path: Path) -> None:
    sweep(make_spec(), tmp_path / "out")
    again, more = Inline(), Inline()
    sweep(make_spec(), tmp_path / "out", again)
    sweep(make_spec(trials=5), tmp_path / "out", more)
    assert again.ran == []
    assert sorted(more.ran) == [(4, 0), (4, 1), (4, 2)]


@pytest.mark.parametrize(
    ("changes", "difference"),
    [({"seeds": [0, 1]}, "spec.seeds"), ({"run": {"seconds": 3.0}}, "spec.run.seconds")],
)
def test_another_sweep_in_the_same_place_is_refused(tmp_path: Path, changes: dict[str, Any], difference: str) -> None:
    sweep(make_spec(), tmp_path / "out")
    before = database_of(tmp_path / "out").read_bytes()
    with pytest.raises(UserError, match=f"begun with another {difference}"):
        sweep(make_spec(**changes), tmp_path / "out")
    assert database_of(tmp_path / "out").read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_stays(tmp_path: Path) -> None:
    database_of(tmp_path / "out").write_text("my notes\n" * 200)
    with pytest.raises(UserError, match=r"out\.db: cannot be used as a sweep's database"):
        sweep(make_spec(), tmp_path / "out")
    assert database_of(tmp_path / "out").read_text() == "my notes\n" * 200


def test_a_figure_that_no_run_has_is_told_with_those_that_there_are_and_can_be_mended(tmp_path: Path) -> None:
    wrong = make_spec(objective={"figure": "los"})
    with pytest.raises(UserError, match="runs have no 'los'; expected one of loss, seed, nothing"):
        sweep(wrong, tmp_path / "out")
    executor = Inline()
    assert not sweep(make_spec(), tmp_path / "out", executor).interrupted
    assert (0, 0) not in executor.ran


def test_a_figure_that_is_no_number_fails_its_parameter_set(tmp_path: Path) -> None:
    row = sweep(make_spec(objective={"figure": "nothing"}, trials=1), tmp_path / "out").rows[0]
    assert row.state == "failed"
    assert row.failed == "seed 0: nothing: expected a finite number, found None"


def fails_above(job: Job) -> Result:
    """A run that fails at high learning rates."""
    if rate_of(job) > 5e-3 and job["seed"] == 1:
        return {"failed": "network: too fast", "busy_s": 0.0}
    return quick(job)


def test_a_run_that_fails_is_told_and_the_sweep_goes_on(tmp_path: Path) -> None:
    spec = make_spec(vary=GRID, sampler={"name": "grid"}, trials=None)
    result = sweep(spec, tmp_path / "out", Inline(fails_above))
    assert {row.parameters[RATE]: (row.state, row.failed) for row in result.rows} == {
        1e-4: ("complete", None),
        1e-3: ("complete", None),
        1e-2: ("failed", "seed 1: network: too fast"),
    }
    assert result.failed_runs == 1


def test_values_that_a_file_cannot_hold_fail_their_parameter_set(tmp_path: Path) -> None:
    vary = {RATE: {"kind": "grid", "values": [1e-3, -1.0]}}
    result = sweep(make_spec(vary=vary, sampler={"name": "grid"}, trials=None), tmp_path / "out")
    assert [row.state for row in result.rows] == ["complete", "failed"]
    assert "learning_rate_per_ms" in str(result.rows[1].failed)
    assert result.failed_runs == 3


def test_a_pruner_gives_up_bad_parameter_sets_after_some_seeds(tmp_path: Path) -> None:
    vary = {RATE: {"kind": "grid", "values": [1e-3, 1.1e-3, 1e-5, 1.05e-3]}}
    pruner = {"name": "median", "options": {"n_startup_trials": 2}}
    spec = make_spec(vary=vary, sampler={"name": "grid"}, pruner=pruner, trials=None)
    executor = Inline()
    rows = sweep(spec, tmp_path / "out", executor).rows
    assert {row.trial: row.state for row in rows} == {0: "complete", 1: "complete", 2: "pruned", 3: "complete"}
    assert [key.seed for key in executor.ran if key.trial == 2] == [0]


@pytest.mark.parametrize("pruner", ["percentile", "successive_halving", "hyperband"])
def test_every_pruner_works(tmp_path: Path, pruner: str) -> None:
    rows = sweep(make_spec(pruner={"name": pruner}, trials=12, seeds=[0, 1, 2, 3]), tmp_path / "out").rows
    assert len(rows) == 12
    assert {row.state for row in rows} <= {"complete", "pruned"}


def test_whole_parts_of_a_network_can_be_chosen(tmp_path: Path) -> None:
    rule: Any = base_job(make_spec().run)["network"]["connections"][0]["rule"]  # type: ignore[index]
    values = [rule | {"learning_rate_per_ms": rate} for rate in (1e-2, 1e-3)]
    vary = {"network.connections.0.rule": {"kind": "choice", "values": values}}
    rows = sweep(make_spec(vary=vary, sampler={"name": "grid"}, trials=None), tmp_path / "out").rows
    assert rows[0].parameters["network.connections.0.rule"] == values[1]


def with_folder(folder: Path, **changes: Any) -> Any:
    """A sweep whose runs find a folder that they may write to."""
    vary = {"simulator.frame_id": {"kind": "choice", "values": [str(folder)]}}
    return make_spec(vary=vary, sampler={"name": "grid"}, trials=None, **changes)


def begun(folder: Path) -> dict[int, int]:
    """How often the run of each seed was begun."""
    return {int(path.name.split("_")[1]): len(path.read_text().splitlines()) for path in folder.glob("begun_*")}


@pytest.mark.slow
@pytest.mark.processes
def test_a_run_whose_process_dies_is_run_again(tmp_path: Path) -> None:
    result = sweep(with_folder(tmp_path), tmp_path / "out", Processes(2, dies_at_first))
    assert [row.state for row in result.rows] == ["complete"]
    assert begun(tmp_path) == {0: 1, 1: 2, 2: 1}


@pytest.mark.slow
@pytest.mark.processes
def test_a_run_that_kills_its_process_is_given_up_and_no_other_is(tmp_path: Path) -> None:
    result = sweep(with_folder(tmp_path, retries=1), tmp_path / "out", Processes(2, dies_always))
    assert [row.state for row in result.rows] == ["failed"]
    assert result.rows[0].failed == "seed 1: what ran it died 2 times, at last by exit code 3"
    assert result.rows[0].seeds == [0, 2]
    assert begun(tmp_path) == {0: 1, 1: 2, 2: 1}


def test_a_run_of_a_sweep_is_the_run_of_train(tmp_path: Path) -> None:
    spec = make_spec()
    job = with_values(base_job(spec.run), {RATE: 2e-3})
    result = perform({**job, "seed": 3})
    assert "figures" in result, result
    parameters = with_task(load_parameters(None, 3), mode="train", duration_s=2.0)
    controller = Controller(network_for(parameters, 2e-3), parameters.controller.limits, 3)
    record = run_experiment(with_window(parameters, 50.0), controller, Plan(evaluation_s=2.0))
    same = ("spike_sha256", "trajectory_sha256", "mean_abs_deviation_m", "resets")
    assert {name: result["figures"][name] for name in same} == {name: record.figures[name] for name in same}
