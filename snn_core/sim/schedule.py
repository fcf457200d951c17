"""Changes of a simulated scene in mid-run: a YAML file that says when, and which settings are others from then on.

changes:
  - at_s: 300.0
    robot: {left_gain: 0.7}
  - at_s: 400.0
    camera: {yaw_deg: 5.0}
    pixel: {shot_noise_rate_hz: 2.0}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from pydantic import Field, JsonValue

from snn_core.errors import UserError
from snn_core.files import StrictModel, load_yaml, validate
from snn_core.sim.camera import CameraSpec
from snn_core.sim.event_pixel import EventPixelSpec
from snn_core.sim.robot import RobotSpec
from snn_core.sim.scene_settings import SceneSettings
from snn_core.sim.sensor_faults import SensorFaultSpec

CHANGEABLE: Mapping[str, tuple[str, ...]] = {
    "robot": (
        "left_gain", "right_gain", "true_wheel_base_m", "command_delay_ms", "mirrored_steering", "max_speed_m_s",
        "max_acceleration_m_s2", "max_turn_rate_rad_s", "max_turn_acceleration_rad_s2",
    ),
    "sensor": (
        "dead_fraction", "dead_from_column", "dead_columns", "hot_fraction", "hot_rate_hz", "mirrored",
    ),
    "pixel": ("leak_rate_hz", "shot_noise_rate_hz", "refractory_us"),
    "camera": (
        "field_of_view_deg", "height_m", "forward_m", "pitch_deg", "yaw_deg", "range_m", "light",
        "dark_intensity", "ground_intensity", "marking_intensity", "background_intensity",
    ),
}  # fmt: skip
"""What can be another in mid-run. A Gazebo has drawn its camera and its road before: there ``camera`` cannot."""

_Scene = TypeVar("_Scene", bound=SceneSettings)


class Change(StrictModel):
    """From ``at_s`` on these settings are others; those that are not named stay as they were."""

    at_s: float = Field(ge=0.0, le=1e7, description="simulated time from which it holds (s)")
    robot: dict[str, JsonValue] = Field(default={})
    sensor: dict[str, JsonValue] = Field(default={})
    pixel: dict[str, JsonValue] = Field(default={})
    camera: dict[str, JsonValue] = Field(default={})


class ScheduleSpec(StrictModel):
    """A file of changes, in order of time."""

    changes: list[Change] = Field(min_length=1, description="what changes, and when")


class Stage(NamedTuple):
    """From ``begin_us`` on the scene is as ``scene`` says."""

    begin_us: int
    scene: SceneSettings


def load_schedule(settings: SceneSettings) -> list[Stage]:
    """The stages of a run with these settings, in order of time, ``settings`` itself being what it begins with.

    Those of ``schedule_from_s`` and before begin at 0. Empty where ``settings.schedule`` names no file. Raises
    UserError that names file, change and key.
    """
    if not settings.schedule:
        return []
    path = Path(settings.schedule)
    changes = load_yaml(path, ScheduleSpec).changes
    stages, scene, before_s = [], settings, 0.0
    for number, change in enumerate(changes):
        origin = f"{path}: changes.{number}"
        if change.at_s < before_s:
            raise UserError(f"{origin}: at_s: expected at least {before_s:g}, that of the change before, found "
                            f"{change.at_s:g}")  # fmt: skip
        before_s = change.at_s
        scene = _changed(scene, change, origin)
        stages.append(Stage(round(1e6 * max(change.at_s - settings.schedule_from_s, 0.0)), scene))
    return stages


class Changing(Protocol):
    """A world that can be another in mid-run."""

    def change(self, camera: CameraSpec, pixel: EventPixelSpec, robot: RobotSpec, sensor: SensorFaultSpec) -> None:
        """Be another scene from now on."""
        ...


class Schedule:
    """The changes of a run that are still to come. Raises UserError as ``load_schedule``."""

    def __init__(self, settings: SceneSettings) -> None:
        self._stages = load_schedule(settings)

    def apply(self, world: Changing, run_us: int) -> None:
        """Let the world be what it is ``run_us`` after the run began."""
        while self._stages and self._stages[0].begin_us <= run_us:
            scene = self._stages.pop(0).scene
            world.change(scene.camera, scene.pixel, scene.robot, scene.sensor)


def scene_at(settings: _Scene, time_s: float) -> _Scene:
    """The settings of a run that goes on where one with ``settings`` has come to after ``time_s`` (s)."""
    return settings.model_copy(update={"schedule_from_s": settings.schedule_from_s + time_s})


def _changed(scene: SceneSettings, change: Change, origin: str) -> SceneSettings:
    sections: dict[str, StrictModel] = {}
    for name, keys in CHANGEABLE.items():
        values: dict[str, JsonValue] = getattr(change, name)
        if not values:
            continue
        if name == "camera" and scene.backend != "embedded":
            raise UserError(f"{origin}: camera: a Gazebo cannot change it in mid-run; set it for the whole run")
        section: StrictModel = getattr(scene, name)
        for key in values:
            if key in type(section).model_fields and key not in keys:
                raise UserError(f"{origin}: {name}.{key}: cannot change in mid-run; expected one of {', '.join(keys)}")
        sections[name] = validate(type(section), {**section.model_dump(), **values}, f"{origin}: {name}")
    if not sections:
        raise UserError(f"{origin}: nothing changes; expected one of {', '.join(CHANGEABLE)}")
    return validate(type(scene), {**dict(scene), **sections}, origin)
