"""What every test run needs: the environment of ROS 2, and a reason for each test that cannot run here."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
import set_up

from snn_core.errors import UserError
from spikedrive_nodes.processes.environment import ensure_ros_environment
from spikedrive_nodes.processes.setup import message_packages, prerequisites

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT.parent / "shared" / "data"
_missing: dict[str, str] = {}  # marker: why tests that have it cannot run here

# For tests.reference. At the end: snn_core is to be the installed one, which the processes that tests start have, too,
# so that numba's cache is one.
sys.path.append(str(ROOT))

pytest_plugins = ["tests.gazebos"]

# How long an example takes says something about the machine, not about the code. The same examples in every run: what
# one commit passes, it passes everywhere. HYPOTHESIS_PROFILE=explore draws others.
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.register_profile("spikedrive", deadline=None, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "spikedrive"))


def pytest_configure(config: pytest.Config) -> None:
    """Start pytest again where it cannot load ROS 2's libraries, so that it runs from any shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a script's background job; processes would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # pytest has put files in place of stdout and stderr by now; they must not outlive it.
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        ensure_ros_environment(before_restart=getattr(capture, "stop_global_capturing", lambda: None))
        _missing["ros"] = ""
    except UserError as error:
        _missing["ros"] = str(error)
    _missing["recordings"] = "" if RECORDINGS.is_dir() else "needs the real recordings in ../shared/data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, reason in _missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the real recordings, for tests marked so."""
    return RECORDINGS


@pytest.fixture(scope="session")
def installed_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prefix in which ``colcon build`` installs spikedrive, apart from ros_ws; spikedrive_gazebo is beside it."""
    base = tmp_path_factory.mktemp("workspace")
    ros = prerequisites.system_ros(dict(os.environ))
    environment = set_up.message_environment(ros).variables()
    workspace = set_up.workspace(ros)
    messages = [str(workspace.install / name) for name in message_packages.NAMES]
    for name in ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH"):
        environment[name] = os.pathsep.join([*messages, environment[name]])
    command = [set_up.VENV / "bin" / "colcon", "--log-base", base / "log", "build", "--packages-select"]
    command += ["spikedrive", "spikedrive_gazebo"]
    command += ["--base-paths", workspace.sources, "--build-base", base / "build"]
    command += ["--install-base", base / "install", *([] if ros else ["--cmake-args", "-GNinja"])]
    done = subprocess.run(command, env=environment, cwd=base, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return base / "install" / "spikedrive"
