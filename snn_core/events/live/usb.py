"""Event cameras on the USB bus as the kernel lists them, and whether this user may open them.

The libraries do not tell a camera without rights from none at all. Linux only; elsewhere nothing is found.
Source of the USB ids: the udev rules of libcaer (iniVation), OpenEB (Prophesee) and neuromorphic-drivers.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

SYSTEM = Path("/sys/bus/usb/devices")
NODES = Path("/dev/bus/usb")
RULES_FILE = "/etc/udev/rules.d/65-event-cameras.rules"
NO_BUS = f"no USB bus here ({NODES} is not there; a container needs it, as by docker run --device {NODES})"


@dataclass(frozen=True)
class UsbModel:
    """Cameras that share USB ids. product: four hexadecimal digits, as a pattern of udev."""

    vendor: str
    product: str
    name: str
    device: str
    """What the parameter ``device`` of the node calls it."""

    def udev_rule(self) -> str:
        """The rule by which every user may open it."""
        return (
            f'SUBSYSTEM=="usb", ATTRS{{idVendor}}=="{self.vendor}", ATTRS{{idProduct}}=="{self.product}", MODE="0666"'
        )


MODELS = (
    UsbModel("152a", "84[0-1]?", "iniVation camera", "inivation"),
    UsbModel("04b4", "00f[4-5]", "Prophesee EVK3 HD or EVK4", "prophesee"),
    UsbModel("03fd", "5832", "Prophesee EVK2 or VGA", "prophesee"),
    UsbModel("31f7", "000[2-4]", "CenturyArks SilkyEvCam", "prophesee"),
    UsbModel("1409", "8e00", "IDS uEye EVS", "prophesee"),
)


@dataclass(frozen=True)
class UsbCamera:
    """An event camera that is attached.

    product, serial: as the camera's descriptor says, may be empty. node: the file that gives access to it.
    problem: why this user cannot open it, in words; empty when it can.
    """

    model: UsbModel
    product: str
    serial: str
    node: Path
    problem: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.product or self.model.name, self.serial, f"({self.node})")))


def attached_cameras(system: Path = SYSTEM, nodes: Path = NODES) -> list[UsbCamera]:
    """The event cameras on the bus, in the order of the kernel's names for their ports."""
    try:
        ports = sorted(system.iterdir())
    except OSError:
        return []
    return [camera for port in ports for camera in _cameras_at(port, nodes)]


def _cameras_at(port: Path, nodes: Path) -> Iterable[UsbCamera]:
    vendor, product = _attribute(port, "idVendor"), _attribute(port, "idProduct")
    for model in MODELS:
        if vendor == model.vendor and fnmatchcase(product, model.product):
            bus, device = _attribute(port, "busnum"), _attribute(port, "devnum")
            node = nodes / bus.zfill(3) / device.zfill(3)
            yield UsbCamera(model, _attribute(port, "product"), _attribute(port, "serial"), node, _problem(node))


def _attribute(port: Path, name: str) -> str:
    """A line of sysfs; empty where there is none, as when the camera goes meanwhile."""
    try:
        return (port / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _problem(node: Path) -> str:
    if not node.exists():
        return "its file is not there; a container needs /dev/bus/usb"
    if os.access(node, os.R_OK | os.W_OK, effective_ids=True):
        return ""
    return f"user {os.geteuid()} may not read and write it; a udev rule is missing"


def missing_rules(cameras: Iterable[UsbCamera]) -> list[str]:
    """The udev rules without which these cameras cannot be opened."""
    return list(
        dict.fromkeys(camera.model.udev_rule() for camera in cameras if camera.problem and camera.node.exists())
    )
