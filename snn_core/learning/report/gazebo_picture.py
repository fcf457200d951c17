"""A drive in a Gazebo as one picture: what the camera sees at its end, the events of the last window, the path."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from snn_core.control.controller import Controller
from snn_core.learning.drive import Step, steps
from snn_core.learning.log import DriveLog
from snn_core.learning.parameters import SimulatorParameters
from snn_core.learning.report.svg import BLUE, GREEN, ORANGE, PURPLE
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.track import Track
from snn_core.tasks.lane.simulator import LaneSimulator
from snn_core.tasks.lane.summary import DriveSummary

_ROAD, _LINE = "#e6e8ea", "#8a9099"
_SIZE_IN, _DOTS_PER_IN = (11.0, 3.6), 100


def drive_picture(settings: SimulatorParameters, controller: Controller) -> bytes:
    """Drive to the end of the task in a Gazebo, weights frozen; the picture, a PNG file. Raises UserError."""
    controller.network.learning = False
    with LaneSimulator(settings) as simulator:
        world = simulator.world
        assert isinstance(world, GazeboWorld)
        log = DriveLog(simulator.track)
        for step in steps(simulator, lambda *_: np.empty(0), controller):
            log.add(step.row(), step.answer.spikes, step.events)
            last = step
        drive = DriveSummary.of(log.rows(), simulator.track)
        assert drive is not None
        figure = _figure(world.image, last, simulator.track, drive)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_IN, metadata={"Software": None})
    return file.getvalue()


def _figure(view: np.ndarray, last: Step, track: Track, drive: DriveSummary) -> Figure:
    figure = Figure(figsize=_SIZE_IN, layout="constrained")
    camera, events, path = figure.subplots(1, 3, width_ratios=(1, 1, 1.4))
    camera.imshow(view, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    camera.set_title(f"camera, {view.shape[1]} x {view.shape[0]} px")
    events.imshow(_event_image(last, view.shape), interpolation="nearest")
    window_ms = (last.window.end_us - last.window.begin_us) / 1000
    events.set_title(f"its events of {window_ms:g} ms: ON blue, OFF orange")
    for axes in (camera, events):
        axes.set(xticks=[], yticks=[])
    _paint_path(path, track, drive)
    return figure


def _event_image(step: Step, shape: tuple[int, ...]) -> np.ndarray:
    """White where there was none, else the colour of the polarity that prevails: float64 (height, width, 3)."""
    balance = np.zeros(shape)
    seen = np.zeros(shape, bool)
    events = step.events
    np.add.at(balance, (events.y, events.x), np.where(events.polarity, 1.0, -1.0))
    seen[events.y, events.x] = True
    image = np.ones((*shape, 3))
    image[seen & (balance >= 0)] = to_rgb(BLUE)
    image[seen & (balance < 0)] = to_rgb(ORANGE)
    return image


def _paint_path(axes: Axes, track: Track, drive: DriveSummary) -> None:
    borders = [track.line(offset) for offset in (track.lines[0], track.lines[-1])]
    axes.fill(*np.concatenate([borders[0], borders[1][::-1]]).T, color=_ROAD, lw=0)
    for offset in track.lines:
        axes.plot(*track.line(offset).T, color=_LINE, lw=0.6)
    for lane, colour in enumerate((GREEN, PURPLE)[: track.lanes]):
        rows = [drive.rows[stretch] for stretch in drive.stretches() if drive.rows["lane"][stretch.start] == lane]
        for number, stretch in enumerate(rows):
            axes.plot(stretch["x_m"], stretch["y_m"], color=colour, lw=1.2, label="" if number else f"lane {lane}")
    axes.plot(drive.rows["x_m"][-1], drive.rows["y_m"][-1], "o", color="black", ms=5, label="the end")
    axes.set(xlabel="x (m)", ylabel="y (m)", aspect="equal")
    axes.set_title(
        f"path of {drive.seconds:g} s, resets: {drive.resets}, "
        f"mean deviation {1000 * drive.mean_abs_deviation_m():.0f} mm"
    )
    axes.legend(frameon=False, loc="best", fontsize=9)
