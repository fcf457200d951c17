"""The robot as URDF, for robot_state_publisher and RViz."""

from snn_core.sim.gazebo.description.rendering import render
from snn_core.sim.gazebo.description.robot_parts import robot_values
from snn_core.sim.scene_settings import SceneSettings


def robot_urdf(settings: SceneSettings) -> bytes:
    """base_link, wheels, camera_link (x along the optical axis) and camera_optical_frame; no plugins."""
    return render("robot.urdf.jinja", "Written by spikedrive gazebo robot", **robot_values(settings))
