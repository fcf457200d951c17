"""How far ROS 2 nodes find each other: on this host alone, unless the environment says something about it."""

from collections.abc import Mapping

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
RANGES = ("LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT")
VARIABLES = (RANGE, "ROS_STATIC_PEERS", "ROS_LOCALHOST_ONLY")
"""What says something about it."""


def discovery_range(environment: Mapping[str, str]) -> str:
    """The range of the environment; SUBNET, as ROS 2 has it, where it says something else about discovery."""
    if environment.get(RANGE):
        return environment[RANGE]
    return "SUBNET" if any(environment.get(name) for name in VARIABLES) else "LOCALHOST"
