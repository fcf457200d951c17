"""The report of a run: one HTML file that stands by itself, in words for who drives the robot."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import yaml

from snn_core.control.decoders.differential_steering import SteeringDecoding
from snn_core.control.spec import ControllerSpec
from snn_core.files import validate, write_atomically
from snn_core.learning.record import RunRecord, make_folder
from snn_core.learning.report import figures as draw
from snn_core.network.network import Spikes
from snn_core.tasks.panels import Plot, Section
from snn_core.tasks.registry import find_task
from snn_core.tasks.report import TaskReport

RASTER_S = 5.0
"""Of the recorded stretch of events and spikes, so much is shown at most (s)."""
_MOST_IMAGES = 4
_TEMPLATE = Path(__file__).parent / "report.html"
_RUN_LABELS = {
    "task": "Task",
    "seed": "Seed",
    "reward": "Reward",
    "control": "Control run",
    "track": "Track",
    "start": "Where the robot is placed",
    "schedule": "Changes in mid-run",
    "simulated_s": "Training, simulated time (s)",
    "wall_s": "Training, wall time (s)",
    "compile_s": "Compilation before it (s)",
    "spike_sha256": "SHA-256 of training's spikes",
    "trajectory_sha256": "SHA-256 of training's path",
}


def write_report(record: RunRecord, folder: Path) -> Path:
    """Write ``folder``/report.html, whole or not at all, and return its path.

    Raises UserError when the folder cannot be written, or the task or the scene of the run is not there.
    """
    name = str(record.figures.get("task", "lane"))
    report = find_task(name).report_type()(name, record.configuration, record.drives)
    make_folder(folder)
    page = _template().render(**_content(record, report))
    path = folder / "report.html"
    write_atomically(path, lambda file: file.write(page.encode()))
    return path


def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _content(record: RunRecord, report: TaskReport) -> dict[str, Any]:
    """All that the template shows."""
    figures, configuration = record.figures, record.configuration
    parts = report.title()
    if "seed" in figures:
        parts.append(f"seed {figures['seed']}")
    if figures.get("control", "none") != "none":
        parts.append(f"control run: {figures['control']}")
    last = next((name for name in ("after", "training", "before") if name in report.drives), None)
    sections = [
        *report.sections(),
        report.signals_section(),
        _weights_section(record, finished=last == "after"),
        _raster_section(record, last),
        _delay_section(record.delays_us),
    ]
    versions = configuration.get("versions", {})
    return {
        "title": f"SpikeDrive: {', '.join(parts)}",
        "kind": " · ".join(["SpikeDrive", *parts]),
        "headline": report.headline(),
        "sentences": list(report.sentences()),
        "comparison": report.comparison(),
        "sections": [section for section in sections if section is not None],
        "controls": figures.get("controls", []),
        "control_columns": report.control_columns,
        "figures": list(_run_figures(figures, report.shown_figures)),
        "command": configuration.get("command"),
        "same_bits": "spike_sha256" in figures,
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
        "configuration": _yaml(configuration),
    }


def _yaml(configuration: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(configuration))  # tuples and enumerations as a saved record has them
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)


def _run_figures(figures: dict[str, Any], shown: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Figures of the run that no other part shows, known ones first."""
    known = [key for key in _RUN_LABELS if figures.get(key) is not None]
    others = [key for key in figures if key not in _RUN_LABELS and key.removeprefix("before_") not in shown]
    for key in known + others:
        value = figures[key]
        if isinstance(value, bool | str | int):
            yield _RUN_LABELS.get(key, key.replace("_", " ")), str(value)
        elif isinstance(value, float):
            yield _RUN_LABELS.get(key, key.replace("_", " ")), f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"


def _weights_section(record: RunRecord, finished: bool) -> Section:
    spec = _spec(record)
    lines, plots = [], []
    if not record.weights_before or len(record.weights_before) != len(record.weights_after):
        return Section("weights", "The weights", ["No weights were recorded."])
    for index, connection in enumerate(spec.connections):
        weights = [record.weights_before[index], record.weights_after[index]]
        pre, post = connection.pre, connection.post
        title, caption = f"{pre} → {post}", ""
        neurons = _named_neurons(spec, post)
        if spec.encoder is not None and pre == spec.encoder.population and neurons:
            images = draw.retina_images(weights, spec.encoder.model_dump(mode="json"), neurons)
            caption = "Each image is the retina as the camera sees it, for the neuron that its title names."
            if isinstance(spec.decoder, SteeringDecoding):
                caption = (
                    "Each image is the retina as the camera sees it, for the motor neuron of the left and of the right "
                    "wheel. A large weight in the left one turns the robot right when events come there, and the other "
                    "way round."
                )
        else:
            images = draw.matrix_images(weights, pre, post)
        if connection.rule is None:
            caption = f"{caption} These weights are fixed.".strip()
        label = f"Weights from {title} before and after training"
        after = "after" if finished else "so far"
        plots.append(Plot(draw.weights_figure(f"weights-{index}", label, images, after), title, caption))
    return Section("weights", "The weights", lines, plots)


def _raster_section(record: RunRecord, drive: str | None) -> Section:
    title, spec = "Events and spikes", _spec(record)
    times = [stamps for stamps in (record.events.t, record.spikes.time_us) if stamps.size]
    if not times:
        return Section("raster", title, ["No events and no spikes were recorded."])
    end = int(max(stamps.max() for stamps in times)) + 1
    begin = max(int(min(stamps.min() for stamps in times)), end - round(1e6 * RASTER_S))
    populations, unseen = _raster_populations(spec, record.spikes)
    sensor = spec.encoder.pooling.sensor if spec.encoder is not None else "any"
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


def _raster_populations(spec: ControllerSpec, spikes: Spikes) -> tuple[list[draw.RasterPopulation], list[str]]:
    """The populations to show, and the names of spike sources of which no spike was recorded."""
    shown, unseen = [], []
    for index, (name, population) in enumerate(spec.populations.items()):
        if population.model == "spike_source" and not (spikes.population == index).any():
            unseen.append(name)
            continue
        shown.append(draw.RasterPopulation(index, name, population.size, _named_neurons(spec, name)))
    return shown, unseen


def _spec(record: RunRecord) -> ControllerSpec:
    return validate(ControllerSpec, record.configuration["network"], "report.json: configuration.network")


def _named_neurons(spec: ControllerSpec, population: str) -> dict[str, int]:
    """Names of single neurons of a population that the decoder reads; of the first few where it reads all alike."""
    decoder = spec.decoder
    if decoder is None or population not in decoder.populations().values():
        return {}
    if isinstance(decoder, SteeringDecoding):
        return {"left": decoder.left, "right": decoder.right}
    size = spec.populations[population].size
    return {f"{population} {place}" if size > 1 else population: place for place in range(min(size, _MOST_IMAGES))}


def _delay_section(delays_us: np.ndarray) -> Section:
    if not delays_us.size:
        return Section("delay", "Delay", ["Simulator and controller ran in one process: there is no delay to tell of."])
    p50, p99 = np.percentile(delays_us, (50, 99)) * 1e-3
    line = (
        f"From the last message of a window to its command, in wall time: {p50:.2g} ms in half of "
        f"{delays_us.size} windows, {p99:.2g} ms in 99 %, {delays_us.max() * 1e-3:.2g} ms at most."
    )
    return Section("delay", "Delay", [line], [Plot(draw.delay_figure(delays_us))], pair=True)
