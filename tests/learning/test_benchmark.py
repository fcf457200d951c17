"""The benchmark: rows that run, what they came to, and going on."""

import json
from pathlib import Path

import pytest

from snn_core.errors import UserError
from snn_core.learning.benchmark.result import RowResult, row_result
from snn_core.learning.benchmark.row import QUICK_S, QUICK_SEEDS, RowSpec, load_rows
from snn_core.learning.benchmark.run import run_benchmark
from snn_core.learning.sweep.job import Job, Result, perform
from spikedrive_nodes.cli.sweep import with_task_file
from tests.learning.sweeps import Inline

DEVIATIONS_M = [0.004, 0.008, 0.006, 0.020]
"""Of seeds 0 to 3."""


def row(**changes: object) -> RowSpec:
    data = {
        "title": "a row",
        "run": {"seconds": 2.0, "evaluation_seconds": 2.0},
        "seeds": {"count": 4},
        "reach": [
            {"figure": "on.tight.deviation_m", "at_most": 0.01, "seeds": 3},
            {"figure": "last_reset_s", "at_most": 5.0},
        ],
    }
    return RowSpec.model_validate(data | changes)


def told(job: Job) -> Result:
    """Figures that are known beforehand; seed 1 never failed."""
    seed = job["seed"]
    figures = {
        "seed": seed,
        "simulated_s": 2.0,
        "wall_s": 0.5,
        "last_reset_s": None if seed == 1 else 1.0 + 2.0 * seed,
        "on": {"tight": {"deviation_m": DEVIATIONS_M[seed]}},
    }
    return {"figures": figures, "busy_s": 0.0}


def run(out: Path, executor: Inline, spec: RowSpec, stop_after: int = 10**6) -> list[RowResult]:
    ended = []
    return run_benchmark(
        {"row": spec},
        out,
        lambda: executor,
        on_progress=lambda title, state: ended.append(state.ended),
        interrupted=lambda: bool(ended) and ended[-1] >= stop_after,
    )


def test_a_row_is_judged_by_its_seeds(tmp_path: Path):
    (result,) = run(tmp_path, Inline(told), row())
    deviation, last, simulated, wall = result.figures
    assert (result.seeds, result.asked, result.failed) == ([0, 1, 2, 3], 4, None)
    assert (deviation.good, deviation.needed, deviation.reached) == ([0, 1, 2], 3, True)
    assert deviation.values == DEVIATIONS_M
    assert (deviation.lower_quartile, deviation.median, deviation.upper_quartile) == pytest.approx(
        (0.0055, 0.007, 0.011)
    )
    assert (deviation.mean, deviation.worst) == pytest.approx((0.0095, 0.020))
    assert (last.good, last.needed, last.reached) == ([0, 1, 2], 4, False)
    assert last.seeds == [0, 2, 3]
    assert (simulated.name, simulated.median, simulated.reached) == ("simulated_s", 2.0, None)
    assert wall.name == "wall_s"
    assert result.reached is False
    (easier,) = run(
        tmp_path / "easier", Inline(told), row(reach=[{"figure": "last_reset_s", "at_most": 7.0, "seeds": 4}])
    )
    assert easier.reached is True


def test_what_it_writes(tmp_path: Path):
    run(tmp_path, Inline(told), row())
    written = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))
    assert written["quick"] is False
    assert written["rows"][0]["reached"] is False
    assert written["rows"][0]["figures"][0]["values"] == DEVIATIONS_M
    lines = (tmp_path / "benchmark.md").read_text(encoding="utf-8").splitlines()
    assert lines[2] == (
        "| a row | on.tight.deviation_m | at most 0.01, 3 of 4 | 0.007 (0.0055, 0.011) | 0.02 | 3 of 4 | yes |"
    )
    assert lines[3] == "|  | last_reset_s | at most 5, 4 of 4 | 5 (3, 6) | 7 | 3 of 4 | no |"
    picture = (tmp_path / "row.svg").read_text(encoding="utf-8")
    assert "on.tight.deviation_m" in picture
    assert "seed" in picture


def test_it_goes_on_where_it_was_stopped(tmp_path: Path):
    first, second = Inline(told), Inline(told)
    (half,) = run(tmp_path, first, row(), stop_after=2)
    assert half.reached is None
    assert "2 of 4 seeds so far" in (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    (whole,) = run(tmp_path, second, row())
    assert whole.seeds == [0, 1, 2, 3]
    assert [key.seed for key in first.ran + second.ran] == [0, 1, 2, 3]


def test_a_run_that_fails_is_told_and_reaches_nothing(tmp_path: Path):
    def fails(job: Job) -> Result:
        return {"failed": "no road", "busy_s": 0.0} if job["seed"] == 2 else told(job)

    (result,) = run(tmp_path, Inline(fails), row())
    assert result.reached is None
    assert result.failed is not None
    assert "no road" in result.failed
    assert "no road" in (tmp_path / "benchmark.md").read_text(encoding="utf-8")


def test_a_figure_that_runs_do_not_have_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="runs have no 'loss'; expected one of seed, simulated_s"):
        run(tmp_path, Inline(told), row(reach=[{"figure": "loss", "at_most": 1.0}]))


def test_nothing_has_been_run(tmp_path: Path):
    result = row_result("row", row(), 4, [])
    assert (result.seeds, result.reached) == ([], None)
    assert result.figures[0].median is None


def test_rows_by_name():
    assert list(load_rows(["lane_signed"])) == ["lane_signed"]
    with pytest.raises(UserError, match="row 'lane': expected one of lane_scalar, lane_signed"):
        load_rows(["lane"])
    with pytest.raises(ValueError, match="expected at most 4, found 5"):
        row(reach=[{"figure": "resets", "at_most": 1.0, "seeds": 5}])
    quick = load_rows()["lane_scalar"].sweep(quick=True)
    assert quick.seed_list == list(range(QUICK_SEEDS))
    assert quick.run.seconds == QUICK_S


def test_each_shipped_row_runs_and_has_its_figures(tmp_path: Path):
    rows = load_rows()
    for spec in rows.values():
        assert spec.seeds.first + spec.seeds.count <= 100  # parameters are chosen on seeds from 100 on
    short = {
        name: spec.model_copy(
            update={
                "run": spec.run.model_copy(update={"seconds": 1.0, "evaluation_seconds": 1.0}),
                "seeds": spec.seeds.model_copy(update={"count": 1}),
            }
        )
        for name, spec in rows.items()
    }
    results = run_benchmark(short, tmp_path, lambda: Inline(perform), complete=with_task_file)
    assert [result.name for result in results] == list(rows)
    for result in results:
        assert result.failed is None
        assert result.seeds == [0]
        for figure in result.figures:
            assert figure.values or figure.name == "last_reset_s"
