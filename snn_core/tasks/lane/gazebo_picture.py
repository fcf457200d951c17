"""A drive in a Gazebo as one picture: what the camera sees at its end, the events of the last window, the path."""

import io
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from snn_core.events.events import Events
from snn_core.network.network import Spikes
from snn_core.sim.gazebo.gazebo_world import GazeboWorld
from snn_core.sim.track import Track
from snn_core.tasks.base import TaskWindow
from snn_core.tasks.lane.summary import LaneDrive
from snn_core.tasks.lane.task import LaneTask
from snn_core.tasks.log import Columns, DriveLog, WindowRow
from snn_core.tasks.svg import GREEN, OFF_COLOUR, ON_COLOUR, PURPLE

_ROAD, _LINE = "#e6e8ea", "#8a9099"
_SIZE_IN, _DOTS_PER_IN = (11.0, 3.6), 100


def drive_picture(task: LaneTask, windows: Iterable[TaskWindow]) -> bytes:
    """Picture a drive in a Gazebo, a PNG file. ``windows``: of the drive, one or more, as they are driven."""
    log = DriveLog(Columns(task.state_names, (), task.path_names))
    last: TaskWindow | None = None
    for window in windows:
        last = window
        counts = (window.end_us, window.goal, window.placed, window.completed, window.failed, len(window.events))
        log.add(WindowRow(*counts, window.state, (), {}), Spikes.empty(), window.events)
    assert last is not None
    assert isinstance(task.world, GazeboWorld)
    figure = _figure(task.world.image, last, task.track, LaneDrive(log.rows()))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_IN, metadata={"Software": None})
    return file.getvalue()


def _figure(view: np.ndarray, last: TaskWindow, track: Track, drive: LaneDrive) -> Figure:
    figure = Figure(figsize=_SIZE_IN, layout="constrained")
    camera, events, path = figure.subplots(1, 3, width_ratios=(1, 1, 1.4))
    camera.imshow(view, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    camera.set_title(f"camera, {view.shape[1]} x {view.shape[0]} px")
    events.imshow(_event_image(last.events, view.shape), interpolation="nearest")
    window_ms = (last.end_us - last.begin_us) / 1000
    events.set_title(f"its events of {window_ms:g} ms: ON orange, OFF blue")
    for axes in (camera, events):
        axes.set(xticks=[], yticks=[])
    _paint_path(path, track, drive)
    return figure


def _event_image(events: Events, shape: tuple[int, ...]) -> np.ndarray:
    """White where there was none, else the colour of the polarity that prevails: float64 (height, width, 3)."""
    balance = np.zeros(shape)
    seen = np.zeros(shape, bool)
    np.add.at(balance, (events.y, events.x), np.where(events.polarity, 1.0, -1.0))
    seen[events.y, events.x] = True
    image = np.ones((*shape, 3))
    image[seen & (balance >= 0)] = to_rgb(ON_COLOUR)
    image[seen & (balance < 0)] = to_rgb(OFF_COLOUR)
    return image


def _paint_path(axes: Axes, track: Track, drive: LaneDrive) -> None:
    borders = [track.line(offset) for offset in (track.lines[0], track.lines[-1])]
    axes.fill(*np.concatenate([borders[0], borders[1][::-1]]).T, color=_ROAD, lw=0)
    for offset in track.lines:
        axes.plot(*track.line(offset).T, color=_LINE, lw=0.6)
    for lane, colour in enumerate((GREEN, PURPLE)[: track.lanes]):
        rows = [drive.rows[stretch] for stretch in drive.stretches() if drive.rows["goal"][stretch.start] == lane]
        for number, stretch in enumerate(rows):
            axes.plot(stretch["x_m"], stretch["y_m"], color=colour, lw=1.2, label="" if number else f"lane {lane}")
    axes.plot(drive.rows["x_m"][-1], drive.rows["y_m"][-1], "o", color="black", ms=5, label="the end")
    axes.set(xlabel="x (m)", ylabel="y (m)", aspect="equal")
    axes.set_title(
        f"path of {drive.seconds:g} s, resets: {drive.failed}, "
        f"mean deviation {1000 * drive.mean_abs_deviation_m():.0f} mm"
    )
    axes.legend(frameon=False, loc="best", fontsize=9)
