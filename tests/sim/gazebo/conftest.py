"""What the tests in Gazebo Sim share."""

import pytest

from snn_core.sim.gazebo.gz.process import find_python


@pytest.fixture(scope="session")
def gz_python(gz: str) -> str:
    """An interpreter with Gazebo Sim's bindings."""
    return find_python("")
