"""Which Gazebo is here. A test that takes a fixture of this plugin needs one: it is marked ``gazebo`` by that, and
skipped where there is none. Environment variables: SPIKEDRIVE_GAZEBO_CLASSIC, and SPIKEDRIVE_GZ_RENDER_ENGINE for a
Gazebo Sim that lacks its default engine, ogre2.
"""

import os
import shutil
from functools import cache

import pytest

from snn_core.errors import UserError
from snn_core.sim.gazebo.classic.install import find_classic
from snn_core.sim.gazebo.gz.process import INSTALL, find_python

GAZEBOS = ("gz", "gazebo_classic")
RENDER_ENGINE = os.environ.get("SPIKEDRIVE_GZ_RENDER_ENGINE", "")
_tested: set[str] = set()


@cache
def missing(backend: str) -> str:
    """Why there is no such Gazebo; "" when there is one."""
    try:
        if backend == "gazebo_classic":
            find_classic()
        elif shutil.which("gz") is None:
            return f"there is no command gz in PATH: {INSTALL}"
        else:
            find_python("")
    except UserError as error:
        return str(error)
    return ""


def require(backend: str) -> str:
    """The backend's name; skips the test where there is no such Gazebo."""
    if reason := missing(backend):
        pytest.skip(f"{backend}: {reason}")
    _tested.add(backend)
    return backend


@pytest.hookimpl(tryfirst=True)  # before -m chooses by the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"gazebo", *GAZEBOS}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("gazebo")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("markexpr") == "gazebo":
        said = [f"tested with {', '.join(sorted(_tested)) or 'none'}"]
        said += [f"{backend} not found ({reason})" for backend in GAZEBOS if (reason := missing(backend))]
        terminalreporter.write_line(f"Gazebo: {'; '.join(said)}")


@pytest.fixture(scope="session", params=GAZEBOS)
def gazebo(request: pytest.FixtureRequest) -> str:
    """Each Gazebo that is here, by its backend's name."""
    return require(request.param)


@pytest.fixture(scope="session")
def gz() -> str:
    """Gazebo Sim."""
    return require("gz")


@pytest.fixture(scope="session")
def gazebo_classic() -> str:
    """Gazebo Classic."""
    return require("gazebo_classic")
