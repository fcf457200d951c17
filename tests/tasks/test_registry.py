"""Tasks of other packages: found by their entry points, refused by name, and reported like the shipped one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snn_core import plugins
from snn_core.control.controller import Controller
from snn_core.errors import UserError
from snn_core.learning.experiment import Plan, run_experiment
from snn_core.learning.parameters import load_parameters, with_task
from snn_core.learning.record import RunRecord
from snn_core.learning.report.page import write_report
from snn_core.learning.train import network_for
from snn_core.tasks import registry
from snn_core.tasks.lane.task import LaneTask
from tests.learning.test_report import Page, assert_stands_by_itself
from tests.tasks.point import Point, write_network

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package with these entry points, as pip does but for the files of code."""

    def forget() -> None:
        plugins._all.cache_clear()
        registry.all_tasks.cache_clear()

    def install(entry_points: str) -> None:
        folder = tmp_path / "site" / "point_of_others-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: point-of-others\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[spikedrive.tasks]\n{entry_points}\n")
        monkeypatch.syspath_prepend(str(folder.parent))
        forget()

    yield install
    monkeypatch.undo()
    forget()


def test_the_lane_is_there_and_an_unknown_task_is_refused_with_those_that_are():
    assert registry.find_task("lane") is LaneTask
    with pytest.raises(UserError, match=r"task 'chess': expected one of lane"):
        registry.find_task("chess")


def test_a_task_of_another_package_is_found_by_its_own_name(install: Install):
    install("anything = tests.tasks.point:Point")
    assert registry.find_task("point") is Point
    assert next(iter(registry.all_tasks())) == "lane"
    with pytest.raises(UserError, match="expected one of lane, point"):
        registry.find_task("anything")


def test_a_shipped_task_keeps_its_name(install: Install):
    install("lane = tests.tasks.test_registry:OtherLane")
    assert registry.find_task("lane") is LaneTask


class OtherLane(Point):
    """A task that takes the name of a shipped one."""

    name = "lane"


@pytest.mark.parametrize(
    ("entry_point", "expected"),
    [
        ("point = tests.tasks.point:force", "entry point spikedrive.tasks: point: expected a subclass of Task, found"),
        (
            "point = tests.tasks.nowhere:Point",
            "point-of-others: entry point spikedrive.tasks: point = tests.tasks.nowhere:Point: cannot be imported",
        ),
        (
            "point = tests.tasks.point:Nothing",
            "point-of-others: entry point spikedrive.tasks: point = tests.tasks.point:Nothing: cannot be imported",
        ),
    ],
)
def test_an_entry_point_that_is_no_task_is_refused_by_name(install: Install, entry_point: str, expected: str):
    install(entry_point)
    with pytest.raises(UserError) as caught:
        registry.find_task("lane")
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_a_run_of_it_is_saved_and_has_a_page(install: Install, tmp_path: Path):
    install("point = tests.tasks.point:Point")
    parameters = with_task(load_parameters(None, 1, "point", str(write_network(tmp_path))), duration_s=3.0)
    controller = Controller(network_for(parameters), parameters.controller.limits, 1)
    run_experiment(parameters, controller, Plan(before_s=1.0, evaluation_s=1.0)).save(tmp_path / "run")
    page = Page(write_report(RunRecord.load(tmp_path / "run"), tmp_path / "run"))
    assert_stands_by_itself(page)
    assert page.svgs == {"state": 3, "signals": 1, "weights": 2, "raster": 1}
    assert "point task" in page.text["header"]
    assert "x_m" in page.text["state"]
    for label in ("reward", "near", "effort", "error"):
        assert label in page.text["signals"]
    for name in ("right", "left"):
        assert f"eye → {name}" in page.text["weights"]
