"""The message packages of an installed wheel; tests/test_wheel.py builds them."""

import re
import sys
from pathlib import Path

import pytest

from spikedrive_nodes.processes.setup import installed
from spikedrive_nodes.processes.setup.steps import MADE_BY_MAKE, StepError


def test_an_environment_that_make_keeps_is_left_to_make() -> None:
    with pytest.raises(StepError, match=f"^{re.escape(sys.prefix)} belongs to a checkout; there, run: make setup$"):
        installed.set_up()
    assert installed.remedy("rclpy") == "make setup"


def test_elsewhere_the_commands_of_a_wheel_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert installed.remedy("rclpy") == "pip install 'spikedrive[ros]' && spikedrive setup"
    assert installed.remedy("tf2_msgs") == "spikedrive setup"
    assert not installed.outdated()
    (tmp_path / MADE_BY_MAKE).touch()
    assert installed.remedy("tf2_msgs") == "make setup"
