"""What is attached, who may open it, and what is said when no camera can be had."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from snn_core.errors import UserError
from snn_core.events.live.biases import parse_biases
from snn_core.events.live.camera import CameraUnavailableError
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.events.live.opening import describe_cameras, open_camera, why_none
from snn_core.events.live.usb import MODELS, NODES, UsbCamera, attached_cameras, missing_rules

NOBODY = 65534


class Bus:
    """The files by which the kernel shows a USB bus, in a folder that every user can read."""

    def __init__(self, folder: Path) -> None:
        self.system, self.nodes = folder / "sys", folder / "dev"
        self.system.mkdir()
        self.nodes.mkdir()

    def attach(self, port: str, ids: str, number: int, mode: int | None = 0o666, **attributes: str) -> Path:
        """A device at a port; mode None: its file is missing."""
        vendor, product = ids.split(":")
        folder = self.system / port
        folder.mkdir()
        lines = {"idVendor": vendor, "idProduct": product, "busnum": "2", "devnum": str(number), **attributes}
        for name, line in lines.items():
            (folder / name).write_text(f"{line}\n")
        node = self.nodes / "002" / f"{number:03}"
        node.parent.mkdir(exist_ok=True)
        if mode is not None:
            node.touch()
            node.chmod(mode)
        return node

    def cameras(self) -> list[UsbCamera]:
        return attached_cameras(self.system, self.nodes)


@pytest.fixture
def bus() -> Iterator[Bus]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Bus(Path(folder))


@pytest.fixture
def as_any_user() -> Iterator[None]:
    """Root may open everything, so who runs the tests as root is somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield
    if root:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("ids", "device"),
    [
        ("152a:8400", "inivation"),
        ("152a:8419", "inivation"),
        ("152a:841a", "inivation"),
        ("04b4:00f4", "prophesee"),
        ("04b4:00f5", "prophesee"),
        ("03fd:5832", "prophesee"),
        ("31f7:0002", "prophesee"),
        ("31f7:0003", "prophesee"),
        ("1409:8e00", "prophesee"),
    ],
)
def test_event_cameras_are_known_by_their_ids(bus: Bus, ids: str, device: str) -> None:
    node = bus.attach("2-1", ids, 7, product="Camera X", serial="0123")
    (camera,) = bus.cameras()
    assert (camera.model.device, camera.product, camera.serial, camera.node) == (device, "Camera X", "0123", node)
    assert camera.problem == ""
    assert str(camera) == f"Camera X 0123 ({node})"


def test_other_devices_are_passed_over(bus: Bus) -> None:
    bus.attach("usb2", "1d6b:0003", 1)
    bus.attach("2-2", "152a:880a", 2)  # the vendor id of iniVation's cameras is shared with audio devices
    bus.attach("2-3", "04b4:00f1", 3)
    (bus.system / "2-3:1.0").mkdir()  # an interface, not a device
    assert bus.cameras() == []
    assert attached_cameras(bus.system / "none", bus.nodes) == []


def test_a_user_without_rights_is_told_the_rule(bus: Bus, as_any_user: None) -> None:
    if os.geteuid() == NOBODY:
        os.seteuid(0)
    bus.attach("2-1", "152a:841a", 4, mode=0o444, product="DAVIS346")
    bus.attach("2-2", "04b4:00f5", 5, mode=0o666, product="EVK4")
    bus.attach("2-3", "152a:8419", 6, mode=0o600, product="DVXplorer")
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    barred, free, barred_too = bus.cameras()
    assert "may not read and write it; a udev rule is missing" in barred.problem
    assert free.problem == ""
    rule = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="152a", ATTRS{idProduct}=="84[0-1]?", MODE="0666"'
    assert missing_rules([barred, free, barred_too]) == [rule]
    text = describe_cameras(bus.system, bus.nodes)
    assert "DAVIS346" in text
    assert "EVK4" in text
    assert f"\n{rule}\nEND\n" in text
    assert "sudo tee /etc/udev/rules.d/65-event-cameras.rules <<'END'" in text
    assert "udevadm trigger" in text


def test_a_container_without_the_bus_is_told_so(bus: Bus) -> None:
    bus.attach("2-1", "31f7:0003", 4, mode=None)
    (camera,) = bus.cameras()
    assert camera.problem == "its file is not there; a container needs /dev/bus/usb"
    assert missing_rules([camera]) == []
    assert "CenturyArks SilkyEvCam" in str(camera)


def test_the_list_says_what_each_library_finds(bus: Bus) -> None:
    text = describe_cameras(bus.system, bus.nodes)
    assert "on the USB bus:\n  no event camera\n" in text
    assert "found by dv-processing (device: inivation):\n  " in text
    assert "found by neuromorphic-drivers (device: prophesee):\n  " in text
    assert "udev" not in text
    assert "no USB bus here" in describe_cameras(bus.system, bus.nodes / "none")


def test_a_rule_for_every_model() -> None:
    rules = [model.udev_rule() for model in MODELS]
    assert len(set(rules)) == len(MODELS)
    assert all(rule.startswith('SUBSYSTEM=="usb", ATTRS{idVendor}=="') for rule in rules)


def camera(bus: Bus, problem: str = "") -> UsbCamera:
    return UsbCamera(MODELS[0], "DAVIS346", "00000207", bus.nodes / "002/004", problem)


@pytest.mark.parametrize(
    ("problem", "attached", "refused", "has_bus", "serial", "message"),
    [
        (
            "may not be read",
            True,
            None,
            True,
            "",
            r"DAVIS346 00000207 \(.*004\): may not be read; device: list says",
        ),
        ("", False, RuntimeError("Other error"), False, "", r"no camera: no USB bus here \(/dev/bus/usb is not there;"),
        ("", True, RuntimeError("in use"), True, "", "in use"),
        ("", True, None, True, "9", "no event camera with serial number 9; attached: DAVIS346 00000207"),
        ("", False, None, True, "9", "no event camera with serial number 9; attached: none"),
        ("", True, None, True, "", "DAVIS346 .*: attached, but no library here opens it; use its ROS driver"),
        ("", False, None, True, "", "no event camera is attached; plug it in"),
    ],
)
def test_why_there_is_none(
    bus: Bus, problem: str, attached: bool, refused: Exception | None, has_bus: bool, serial: str, message: str
) -> None:
    cameras = [camera(bus, problem)] if attached else []
    reason = why_none(CameraParameters(serial=serial), cameras, refused, has_bus)
    assert "\n" not in reason
    with pytest.raises(UserError, match=f"^{message}"):
        raise UserError(reason)


@pytest.mark.parametrize("device", ["any", "inivation", "prophesee"])
def test_no_camera_here_is_said_in_one_line(device: str) -> None:
    if attached_cameras():
        pytest.skip("an event camera is attached")
    expected = "no (event )?camera .*attached" if NODES.exists() else "no camera: no USB bus here"
    with pytest.raises(CameraUnavailableError, match=f"^{expected}") as refusal:
        open_camera(CameraParameters.model_validate({"device": device}))
    assert "\n" not in str(refusal.value)


# Biases as they are written


def test_biases_are_names_with_numbers() -> None:
    assert parse_biases("") == {}
    assert parse_biases(" diff_on=20  On=5,120 diff_off=-10 ") == {
        "diff_on": (20,),
        "On": (5, 120),
        "diff_off": (-10,),
    }


@pytest.mark.parametrize("text", ["diff_on", "diff_on=", "diff_on=1.5", "diff_on = 3", "On=5,", "=3", "{On: 5}"])
def test_biases_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^biases: expected NAME=NUMBER or NAME=COARSE,FINE, found '"):
        parse_biases(text)


def test_a_bias_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match=r"^biases: On is given twice; remove one$"):
        parse_biases("On=1 On=2")
