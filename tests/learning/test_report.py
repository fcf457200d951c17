"""The report: whole, self-contained, and true to the record that it is made from."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.pooling import RectanglePooling
from snn_core.learning.record import RunRecord
from snn_core.learning.report.figures import retina_images
from snn_core.learning.report.page import write_report
from snn_core.network.network import Spikes
from snn_core.sim.track import load_track
from snn_core.tasks.lane.summary import LaneDrive
from snn_core.tasks.lane.words import headline
from tests.damage import fuzz
from tests.learning.runs import as_earlier, evaluation, make_drive, make_record

PARTS = ("path", "learning", "signals", "weights", "raster", "delay", "run", "again", "configuration")


class Page(HTMLParser):
    """What a browser would find: tags, attributes, ids, and the text of each section."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text: dict[str, str] = {}
        self.svgs: dict[str, int] = {}
        self._section = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {name: value or "" for name, value in attrs}
        if tag in ("section", "header"):
            self._section = values.get("id", tag)
        if tag == "svg":
            self.svgs[self._section] = self.svgs.get(self._section, 0) + 1
        self.links += [values[name] for name in ("src", "href", "xlink:href", "action", "data") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        self.references += re.findall(r"url\(#([^)]+)\)", " ".join(values.values()))

    def handle_data(self, data: str) -> None:
        self.text[self._section] = self.text.get(self._section, "") + data


def two_layers() -> ControllerSpec:
    """Separate polarities, a hidden population with a mask, and names that HTML and TeX would take as their own."""
    data = load_controller_spec("lane").model_dump(mode="json")
    hidden, rule = "<i>hidden</i> & $x$", data["connections"][0]["rule"]
    data["populations"] |= {
        "retina": {"model": "spike_source", "size": 64},
        hidden: {**data["populations"]["motor"], "size": 3},
    }
    data["encoder"]["pooling"]["polarity"] = "separate"
    weights = {"distribution": "constant", "value_na": 0.5}
    rows = [[True, False], [False, True], [True, True]]
    data["connections"] += [
        {"pre": "retina", "post": hidden, "weights": weights, "rule": rule},
        {"pre": hidden, "post": "motor", "weights": weights, "pattern": {"kind": "mask", "rows": rows}},
    ]
    return ControllerSpec.model_validate(data)


def assert_stands_by_itself(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert page.links
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert not re.search(r"https?:|@import|url\((?!#)", page.source)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} | set(page.references) <= set(page.ids)
    assert not re.search(r"#01020[0-9]", page.source), "a colour that the style sheet should have given"
    assert len(page.source) < 3_000_000


@pytest.fixture(scope="module")
def record() -> RunRecord:
    return make_record(seconds=30.0)


@pytest.fixture(scope="module")
def page(record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = write_report(record, tmp_path_factory.mktemp("run"))
    assert path.name == "report.html"
    return Page(path)


def test_the_page_stands_by_itself(page: Page) -> None:
    assert_stands_by_itself(page)


def test_all_parts_are_there(page: Page) -> None:
    assert set(PARTS) <= set(page.text)
    assert page.svgs == {"path": 2, "learning": 1, "signals": 1, "weights": 1, "raster": 1, "delay": 1}
    for words in (
        "x (m)",
        "simulated time (s)",
        "deviation (mm)",
        "weight (nA)",
        "x (pixel)",
        "event time (s)",
        "delay (ms)",
    ):
        assert words in page.source


def test_the_figures_are_those_of_the_drives(page: Page, record: RunRecord) -> None:
    track = load_track("meschede")
    for name in ("before", "after"):
        rows = record.drives[name]
        deviations = [track.locate(r["x_m"], r["y_m"], r["yaw_rad"], int(r["goal"])).deviation_m for r in rows]
        assert f"deviation of {1e3 * np.mean(np.abs(deviations)):.1f} mm" in page.text["header"]
    training = record.drives["training"]
    last = training["end_us"][np.flatnonzero(np.diff(training["failed"].astype(int)))[-1] + 1] * 1e-6
    assert f"had {training['failed'][-1]} resets, the last after {last:.0f} s" in page.text["header"]
    assert "p99" in page.text["delay"]
    assert f"{np.percentile(record.delays_us, 99) * 1e-3:.2g} ms" in page.text["delay"]


def test_what_taught_is_shown_with_its_terms(page: Page) -> None:
    assert "What taught" in page.text["signals"]
    for label in ("error", "reward", "sum", "centre", "progress"):
        assert label in page.text["signals"]


def test_signals_of_a_drive_and_their_running_means(record: RunRecord) -> None:
    training = LaneDrive(record.drives["training"])
    assert training.signals == ("error", "error/deviation", "reward", "reward/centre", "reward/progress")
    rows = training.rows
    np.testing.assert_allclose(rows["reward"], rows["reward/centre"] + rows["reward/progress"])
    np.testing.assert_array_equal(rows["error"], rows["deviation_m"])
    time_s, mean = training.running_mean(rows["error"], 10.0)
    assert (time_s[0], time_s.size) == (pytest.approx(10.0), rows.size - 199)
    for at in (0, 57, -1):
        of = (training.time_s > time_s[at] - 10.0 + 1e-6) & (training.time_s < time_s[at] + 1e-6)
        assert of.sum() == 200
        assert mean[at] == pytest.approx(rows["error"][of].mean())


def test_a_record_of_version_0_1_0_gives_the_same_figures(page: Page, tmp_path: Path) -> None:
    record = make_record(seconds=30.0)
    as_earlier(record)
    record.save(tmp_path)
    earlier = Page(write_report(RunRecord.load(tmp_path), tmp_path))
    assert_stands_by_itself(earlier)
    assert "signals" not in earlier.text
    assert earlier.svgs == {part: count for part, count in page.svgs.items() if part != "signals"}
    for part in ("header", "path", "learning", "weights", "raster", "delay", "run"):
        assert earlier.text[part] == page.text[part], part


def test_command_versions_and_configuration_are_told(page: Page, record: RunRecord) -> None:
    assert record.configuration["command"] in page.text["again"]
    assert "numba 0.62.1" in page.text["configuration"]
    rule = record.configuration["network"]["connections"][0]["rule"]
    assert f"learning_rate_per_ms: {rule['learning_rate_per_ms']}" in page.text["configuration"]
    assert record.figures["spike_sha256"] in page.text["run"]


def test_a_record_read_back_gives_the_same_page(page: Page, record: RunRecord, tmp_path: Path) -> None:
    record.save(tmp_path)
    assert write_report(RunRecord.load(tmp_path), tmp_path).read_text(encoding="utf-8") == page.source


@pytest.mark.filterwarnings("ignore")  # of NumPy and Python, about headers
def test_a_damaged_record_is_refused_in_one_line(tmp_path: Path) -> None:
    make_record(seconds=1.0).save(tmp_path)
    assert 100 < fuzz(tmp_path / "drives.npz", 200, lambda: RunRecord.load(tmp_path)) < 200


def test_a_run_in_progress_says_what_is_missing(tmp_path: Path) -> None:
    record = make_record(seconds=5.0, delays=False)
    del record.drives["before"], record.drives["after"]
    record.events, record.spikes = Events.empty(), Spikes.empty()
    del record.configuration["command"], record.configuration["versions"]
    page = Page(write_report(record, tmp_path / "new" / "folder"))
    assert_stands_by_itself(page)
    assert "not finished" in page.text["header"]
    assert page.svgs == {"learning": 1, "signals": 1, "weights": 1}
    assert "No drive before training" in page.text["path"]
    assert "No drive after training" in page.text["path"]
    assert "No events and no spikes" in page.text["raster"]
    assert "in one process" in page.text["delay"]
    assert "so far" in page.text["weights"]
    assert "not recorded" in page.text["again"]


def test_nothing_driven_at_all(tmp_path: Path) -> None:
    record = make_record(seconds=5.0)
    record.drives, record.figures, record.weights_before, record.delays_us = {}, {}, [], np.empty(0, np.int64)
    record.spikes = Spikes.empty()
    page = Page(write_report(record, tmp_path))
    assert "Nothing has been driven yet." in page.text["header"]
    assert "No weights were recorded." in page.text["weights"]
    assert "No spikes were recorded" in page.text["raster"]
    assert "The encoder's own spikes (retina) were not recorded." in page.text["raster"]
    assert page.svgs == {"raster": 1}


def test_polarities_layers_and_odd_names(tmp_path: Path) -> None:
    record = make_record(two_layers(), seconds=5.0)
    record.configuration["command"] = "spikedrive <script>alert('&')</script>"
    record.figures |= {
        "note": "<b>bold</b>",
        "controls": [{"control": "dark", "resets": 91, "laps": 0, "simulated_s": 400.0}],
    }
    page = Page(write_report(record, tmp_path))
    assert_stands_by_itself(page)
    assert page.svgs["weights"] == 3
    for row in ("left OFF", "left ON", "right OFF", "right ON"):
        assert row in page.text["weights"]
    assert "<i>hidden</i> & $x$" in page.text["weights"]
    assert "<i>hidden</i> & $x$" in page.text["raster"]
    assert "<script>alert('&')</script>" in page.text["again"]
    assert "<b>bold</b>" in page.text["run"]
    assert not {"i", "b"} & set(page.tags)
    assert "91" in page.text["controls"]
    assert "fixed" in page.text["weights"]


def test_neurons_of_another_decoder_are_named_by_their_population(tmp_path: Path) -> None:
    data = load_controller_spec("lane").model_dump(mode="json")
    motor = data["populations"].pop("motor")
    data["populations"] |= {"faster": {**motor, "size": 1}, "slower": {**motor, "size": 6}}
    (connection,) = data["connections"]
    data["connections"] = [{**connection, "post": name} for name in ("faster", "slower")]
    channel = {"low": -1.0, "high": 1.0, "raises": "faster", "lowers": "slower"}
    data["decoder"] = {"code": "push_pull", "command": {"v_m_s": channel}}
    page = Page(write_report(make_record(ControllerSpec.model_validate(data), seconds=5.0), tmp_path))
    assert_stands_by_itself(page)
    assert page.svgs["weights"] == 2
    for name in ("retina → faster", "retina → slower", "slower 0", "slower 3"):
        assert name in page.text["weights"]
    assert "slower 4" not in page.text["weights"]  # the first few stand for all
    assert "faster 0" not in page.text["weights"]
    assert "motor neuron" not in page.text["weights"]


@given(
    st.integers(0, 127),
    st.integers(40, 103),
    st.integers(0, 1),
    st.sampled_from(["merged", "separate"]),
    st.integers(1, 2),
)
def test_an_image_shows_a_pool_where_its_pixels_are(x: int, y: int, polarity: int, mode: str, post: int) -> None:
    pooling = RectanglePooling(128, 128, 4, 8, crop_top=40, crop_bottom=24, per_polarity=mode == "separate")
    pool = pooling.assign(np.array([x], np.uint16), np.array([y], np.uint16), np.array([polarity], np.uint8))[0]
    after = np.zeros((pooling.size, 3), np.float32)
    after[pool, post] = 1.0
    spec = {"sensor": [128, 128], "rows": 4, "columns": 8, "crop": {"top": 40, "bottom": 24}, "polarity": mode}
    images = retina_images([np.zeros_like(after), after], {"pooling": spec}, {"left": 1, "right": 2})
    [(image, row, column)] = np.argwhere(images.after)
    name = ("left", "right")[post - 1]
    assert images.row_names[image] == (name if mode == "merged" else f"{name} {('OFF', 'ON')[polarity]}")
    assert images.extent is not None
    left, right, bottom, top = images.extent
    assert left + column * (right - left) / 8 <= x < left + (column + 1) * (right - left) / 8
    assert top + row * (bottom - top) / 4 <= y < top + (row + 1) * (bottom - top) / 4


def test_a_log_polar_retina_is_shown_ring_by_ring() -> None:
    before, after = np.zeros((12, 1), np.float32), np.zeros((12, 1), np.float32)
    after[7, 0] = 1.0
    images = retina_images([before, after], {"pooling": {"kind": "log_polar", "rings": 3, "sectors": 4}}, {"left": 0})
    assert np.argwhere(images.after).tolist() == [[0, 1, 3]]
    assert (images.extent, images.x_label, images.y_label) == (None, "sector", "ring")


def test_resets_are_shown_where_the_robot_left_its_lane() -> None:
    track = load_track("meschede")
    task = evaluation(40.0)
    rows = make_drive(track, task, 0.15, 0.15, 3)
    drive = LaneDrive(rows)
    places = drive.reset_places_m()
    assert len(places) == drive.failed > 3
    lanes = rows["goal"][drive.failed_windows()]
    for (x_m, y_m), lane in zip(places, lanes, strict=True):
        assert abs(track.locate(x_m, y_m, 0.0, int(lane)).deviation_m) > task.max_deviation_m
    for stretch in drive.stretches():
        steps = np.hypot(np.diff(rows["x_m"][stretch]), np.diff(rows["y_m"][stretch]))
        assert steps.max(initial=0.0) < 0.4, "a path must not jump within a stretch"


@pytest.mark.parametrize(
    ("before_m", "after_m", "words"),
    [
        (0.15, 0.005, "learnt to keep its lane"),
        (0.005, 0.005, "before training and after it"),
        (None, 0.005, "The robot keeps its lane."),
        (0.2, 0.1, "less often"),
        (0.1, 0.2, "did not learn"),
        (None, 0.2, "does not keep its lane"),
        (0.2, None, "not finished"),
    ],
)
def test_the_headline_is_honest(before_m: float | None, after_m: float | None, words: str) -> None:
    track = load_track("meschede")

    def drive(sway_m: float | None) -> LaneDrive | None:
        return LaneDrive(make_drive(track, evaluation(30.0), sway_m, sway_m, 1)) if sway_m else None

    assert words in headline({"before": drive(before_m), "training": drive(0.05), "after": drive(after_m)})


def test_a_folder_that_cannot_be_made_is_refused(record: RunRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="file"):
        write_report(record, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_an_unknown_track_is_refused_and_the_older_report_stays(tmp_path: Path) -> None:
    record = make_record(seconds=2.0)
    (tmp_path / "report.html").write_text("older")
    record.configuration["simulator"]["track"] = "nowhere"
    with pytest.raises(UserError, match="nowhere"):
        write_report(record, tmp_path)
    assert (tmp_path / "report.html").read_text() == "older"
