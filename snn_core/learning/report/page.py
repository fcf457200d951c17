"""The report of a run: one HTML file that stands by itself, in words for who drives the robot."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import yaml
from markupsafe import Markup

from snn_core.files import write_atomically
from snn_core.learning.record import DRIVES, RunRecord, make_folder
from snn_core.learning.report import figures as draw
from snn_core.network.network import Spikes
from snn_core.sim.track import Track, load_track
from snn_core.tasks.lane.summary import DriveSummary
from snn_core.tasks.lane.words import headline, mm, plural, seconds, sentences

RASTER_S = 5.0
"""Of the recorded stretch of events and spikes, so much is shown at most (s)."""
_TEMPLATE = Path(__file__).parent / "report.html"
_RUN_LABELS = {
    "task": "Task",
    "seed": "Seed",
    "reward": "Reward",
    "control": "Control run",
    "simulated_s": "Training, simulated time (s)",
    "wall_s": "Training, wall time (s)",
    "compile_s": "Compilation before it (s)",
    "spike_sha256": "SHA-256 of training's spikes",
    "trajectory_sha256": "SHA-256 of training's path",
}
_SHOWN_ELSEWHERE = {
    "resets",
    "last_reset_s",
    "laps",
    "evaluation_s",
    "mean_abs_deviation_m",
    "max_abs_deviation_m",
    "evaluation_resets",
    "evaluation_laps",
}


@dataclass(frozen=True)
class Plot:
    """A figure and the words around it."""

    svg: Markup
    title: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page; ``pair`` puts its plots side by side where there is room."""

    id: str
    title: str
    lines: list[str] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    pair: bool = False


def write_report(record: RunRecord, folder: Path) -> Path:
    """Write ``folder``/report.html, whole or not at all, and return its path.

    Raises UserError when the folder cannot be written or the track of the run cannot be read.
    """
    track = load_track(record.configuration["simulator"]["track"])
    make_folder(folder)
    drives = {name: DriveSummary.of(record.drives[name], track) for name in DRIVES if name in record.drives}
    page = _template().render(**_content(record, track, {name: drives.get(name) for name in DRIVES}))
    path = folder / "report.html"
    write_atomically(path, lambda file: file.write(page.encode()))
    return path


def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _content(record: RunRecord, track: Track, drives: dict[str, DriveSummary | None]) -> dict[str, Any]:
    """All that the template shows."""
    figures, configuration = record.figures, record.configuration
    limit_m = _limit_m(configuration)
    parts = [f"{figures.get('task', 'lane')} task", f"track {track.name}"]
    if "seed" in figures:
        parts.append(f"seed {figures['seed']}")
    if figures.get("control", "none") != "none":
        parts.append(f"control run: {figures['control']}")
    last = next((name for name in ("after", "training", "before") if drives[name]), None)
    sections = [
        _path_section(track, drives),
        _learning_section(drives, limit_m),
        _weights_section(record, finished=last == "after"),
        _raster_section(record, last),
        _delay_section(record.delays_us),
    ]
    versions = configuration.get("versions", {})
    return {
        "title": f"SpikeDrive: {', '.join(parts)}",
        "kind": " · ".join(["SpikeDrive", *parts]),
        "headline": headline(drives),
        "sentences": list(sentences(drives, limit_m)),
        "comparison": _comparison(drives, track),
        "sections": sections,
        "controls": figures.get("controls", []),
        "figures": list(_run_figures(figures)),
        "command": configuration.get("command"),
        "same_bits": "spike_sha256" in figures,
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
        "configuration": _yaml(configuration),
    }


def _limit_m(configuration: dict[str, Any]) -> float:
    """Deviation at which the robot is put back, m."""
    return float(configuration["simulator"].get("task", {}).get("max_deviation_m", 0.2))


def _yaml(configuration: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(configuration))  # tuples and enumerations as a saved record has them
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)


def _comparison(drives: dict[str, DriveSummary | None], track: Track) -> dict[str, Any] | None:
    """The table of figures, a column for each drive that happened."""
    driven = {name: drive for name, drive in drives.items() if drive is not None}
    if not driven:
        return None
    rows = [
        ("Simulated time (s)", [seconds(drive.seconds) for drive in driven.values()]),
        ("Mean absolute deviation (mm)", [mm(drive.mean_abs_deviation_m()) for drive in driven.values()]),
    ]
    if track.lanes > 1:
        rows += [
            (
                f"Mean absolute deviation, lane {lane} (mm)",
                [mm(drive.mean_abs_deviation_m(lane)) for drive in driven.values()],
            )
            for lane in range(track.lanes)
        ]
    rows += [
        ("Largest absolute deviation (mm)", [mm(drive.max_abs_deviation_m) for drive in driven.values()]),
        ("Resets", [str(drive.resets) for drive in driven.values()]),
        ("Laps", [str(drive.laps) for drive in driven.values()]),
        ("Mean commanded speed (m/s)", [f"{drive.rows['v_m_s'].mean():.2f}" for drive in driven.values()]),
        (
            "Events (1000/s)",
            [f"{drive.rows['events'].sum() / max(drive.seconds, 1e-9) / 1e3:.1f}" for drive in driven.values()],
        ),
    ]
    return {"columns": list(driven), "rows": rows}


def _run_figures(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Figures of the run that no other part shows, known ones first."""
    known = [key for key in _RUN_LABELS if figures.get(key) is not None]
    others = [key for key in figures if key not in _RUN_LABELS and key.removeprefix("before_") not in _SHOWN_ELSEWHERE]
    for key in known + others:
        value = figures[key]
        if isinstance(value, bool | str | int):
            yield _RUN_LABELS.get(key, key.replace("_", " ")), str(value)
        elif isinstance(value, float):
            yield _RUN_LABELS.get(key, key.replace("_", " ")), f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"


def _path_section(track: Track, drives: dict[str, DriveSummary | None]) -> Section:
    lines, plots = [], []
    for name in ("before", "after"):
        drive = drives[name]
        if drive is None:
            lines.append(f"No drive {name} training was made in this run.")
            continue
        caption = f"{seconds(drive.seconds)} s with weights frozen, {plural(drive.resets, 'reset')}."
        plots.append(Plot(draw.path_figure(f"path-{name}", track, drive), f"{name.capitalize()} training", caption))
    return Section("path", "The path", lines, plots, pair=True)


def _learning_section(drives: dict[str, DriveSummary | None], limit_m: float) -> Section:
    title, training = "Deviation and resets over training", drives["training"]
    if training is None:
        return Section("learning", title, ["No training was driven in this run."])
    references = {name: drive.mean_abs_deviation_m() for name, drive in drives.items() if drive and name != "training"}
    caption = (
        "Top: the range of the deviation from the lane's centre; at the dashed lines the robot is put back (crosses). "
        f"Middle: its running mean over {draw.RUNNING_MEAN_S:g} s, on a logarithmic scale"
        + ("; dashed: the mean of the frozen drives. " if references else ". ")
        + "Shaded: on lane 1."
    )
    return Section("learning", title, [], [Plot(draw.learning_figure(training, limit_m, references), caption=caption)])


def _weights_section(record: RunRecord, finished: bool) -> Section:
    network = record.configuration["network"]
    encoder, decoder = network["encoder"], network["decoder"]
    lines, plots = [], []
    if not record.weights_before or len(record.weights_before) != len(record.weights_after):
        return Section("weights", "The weights", ["No weights were recorded."])
    for index, connection in enumerate(network["connections"]):
        weights = [record.weights_before[index], record.weights_after[index]]
        pre, post = connection["pre"], connection["post"]
        title, caption = f"{pre} → {post}", ""
        if pre == encoder["population"] and post == decoder["population"]:
            neurons = {side: decoder[side] for side in ("left", "right")}
            images = draw.retina_images(weights, encoder, neurons)
            caption = (
                "Each image is the retina as the camera sees it, for the motor neuron of the left and of the right "
                "wheel: a large weight in the left one turns the robot right when events come there, and the other way "
                "round."
            )
        else:
            images = draw.matrix_images(weights, pre, post)
        if connection.get("rule") is None:
            caption = f"{caption} These weights are fixed.".strip()
        label = f"Weights from {title} before and after training"
        after = "after" if finished else "so far"
        plots.append(Plot(draw.weights_figure(f"weights-{index}", label, images, after), title, caption))
    return Section("weights", "The weights", lines, plots)


def _raster_section(record: RunRecord, drive: str | None) -> Section:
    title, network = "Events and spikes", record.configuration["network"]
    times = [stamps for stamps in (record.events.t, record.spikes.time_us) if stamps.size]
    if not times:
        return Section("raster", title, ["No events and no spikes were recorded."])
    end = int(max(stamps.max() for stamps in times)) + 1
    begin = max(int(min(stamps.min() for stamps in times)), end - round(1e6 * RASTER_S))
    populations, unseen = _raster_populations(network, record.spikes)
    sensor = network["encoder"]["pooling"].get("sensor", "any")
    columns = sensor[0] if sensor != "any" else int(record.events.x.max(initial=0)) + 1
    shown = record.spikes.time_us >= begin
    spikes = Spikes(*(array[shown] for array in record.spikes))
    lines = []
    if not len(record.events):
        lines.append("No events were recorded in this stretch.")
    if not spikes.time_us.size:
        lines.append("No spikes were recorded in this stretch.")
    of = "training" if drive == "training" else f"the drive {drive} training"
    caption = (
        f"The last {(end - begin) * 1e-6:.1f} s of {of}. Events of all rows fall onto their column; the colour is "
        "that of the polarity that prevails, deeper where there are more."
    )
    if unseen:
        caption += f" The encoder's own spikes ({', '.join(unseen)}) were not recorded."
    svg = draw.raster_figure(record.events, spikes, populations, columns, (begin, end))
    return Section("raster", title, lines, [Plot(svg, caption=caption)])


def _raster_populations(network: dict[str, Any], spikes: Spikes) -> tuple[list[draw.RasterPopulation], list[str]]:
    """The populations to show, and the names of spike sources of which no spike was recorded."""
    decoder = network["decoder"]
    shown, unseen = [], []
    for index, (name, population) in enumerate(network["populations"].items()):
        if population["model"] == "spike_source" and not (spikes.population == index).any():
            unseen.append(name)
            continue
        sides = {side: decoder[side] for side in ("left", "right")} if name == decoder["population"] else {}
        shown.append(draw.RasterPopulation(index, name, population["size"], sides))
    return shown, unseen


def _delay_section(delays_us: np.ndarray) -> Section:
    if not delays_us.size:
        return Section("delay", "Delay", ["Simulator and controller ran in one process: there is no delay to tell of."])
    p50, p99 = np.percentile(delays_us, (50, 99)) * 1e-3
    line = (
        f"From the last message of a window to its command, in wall time: {p50:.2g} ms in half of "
        f"{delays_us.size} windows, {p99:.2g} ms in 99 %, {delays_us.max() * 1e-3:.2g} ms at most."
    )
    return Section("delay", "Delay", [line], [Plot(draw.delay_figure(delays_us))], pair=True)
