"""Settings of the Gazebo backends."""

from pydantic import Field

from snn_core.files import StrictModel
from snn_core.sim.robot_body import RobotBodySpec


class GazeboSettings(StrictModel):
    """How Gazebo is found, started and stepped."""

    frame_rate_hz: int = Field(default=100, ge=1, le=1000, description="camera frames per simulated second (Hz)")
    physics_step_us: int = Field(default=1000, ge=100, le=10_000, description="step of the physics (us)")
    world: str = Field(default="", description="world file (SDF) to load; empty: made from track, robot and camera")
    attach: bool = Field(default=False, description="use a server that runs (true) or start one (false)")
    start_timeout_s: float = Field(
        default=60.0, gt=0, le=600, description="the server must be there within (s, wall time)"
    )
    answer_timeout_s: float = Field(
        default=20.0, gt=0, le=600, description="a step must be answered within (s, wall time)"
    )
    gz_python: str = Field(
        default="", description="gz: interpreter that has the gz bindings; empty: this one, else /usr/bin/python3"
    )
    gz_partition: str = Field(default="", description="gz: transport partition of a running server; empty: a new one")
    render_engine: str = Field(
        default="", description="gz: rendering engine of the server, such as ogre or ogre2; empty: its default"
    )
    classic_root: str = Field(
        default="",
        description="gazebo_classic: folder of its installation; empty: build/gazebo-classic, else that of the system",
    )
    master_uri: str = Field(
        default="", description="gazebo_classic: address of a running server (http://HOST:PORT); empty: a free port"
    )
    wall_height_m: float = Field(
        default=0.0, ge=0, le=10, description="world: height of a wall around the track (m); 0: none"
    )
    obstacles: str = Field(default="", description='world: boxes of 0.3 m on the ground: "x,y x,y" (m); empty: none')
    body: RobotBodySpec = RobotBodySpec()
