"""A started backend of a Gazebo that is here, for the tests of what it does without ROS."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snn_core.learning.parameters import read_parameters, simulator_parameters
from snn_core.sim.gazebo.backend import Backend
from snn_core.sim.gazebo.description.world_sdf import write_world
from snn_core.sim.gazebo.gazebo_world import make_backend
from snn_core.sim.track import load_track
from snn_core.tasks.lane.task import LaneTask, SimulatorSettings
from tests.gazebos import RENDER_ENGINE

CONFIG = Path(__file__).resolve().parents[1] / "launch" / "config"
TRACK = load_track("meschede")


@contextmanager
def started(
    gazebo: str, folder: Path, config: str = "lane", **changes: float
) -> Iterator[tuple[Backend, SimulatorSettings]]:
    """A backend on TRACK with the settings of ``launch/config/CONFIG.yaml``, those of gazebo changed so; and them."""
    settings = read_parameters(CONFIG / f"{config}.yaml", "simulator", simulator_parameters(LaneTask))
    changed = settings.gazebo.model_copy(update={"render_engine": RENDER_ENGINE, **changes})
    settings = settings.model_copy(update={"backend": gazebo, "gazebo": changed})
    world = folder / "lane.sdf"
    write_world(settings, TRACK, world, classic=gazebo == "gazebo_classic")
    backend = make_backend(settings, world)
    try:
        backend.start()
        yield backend, settings
    finally:
        backend.stop()
