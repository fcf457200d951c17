"""Which camera there is, and to open it; or to say why there is none."""

from pathlib import Path
from typing import Any

from snn_core.events.live import inivation, prophesee, usb
from snn_core.events.live.camera import CameraUnavailableError, LiveCamera, one_line
from snn_core.events.live.camera_parameters import CameraParameters

OPENERS = {"inivation": inivation.open_inivation, "prophesee": prophesee.open_prophesee}


def open_camera(parameters: CameraParameters) -> LiveCamera:
    """Open the camera that the parameters name.

    Raises CameraUnavailableError when it cannot be had now, UserError for a setting or file that cannot be used.
    """
    if parameters.device == "recording":
        return inivation.open_recorded(parameters)
    wanted = list(OPENERS) if parameters.device == "any" else [parameters.device]
    attached = [camera for camera in usb.attached_cameras() if camera.model.device in wanted]
    refused: CameraUnavailableError | None = None
    for device in wanted:
        try:
            camera = OPENERS[device](parameters)
        except CameraUnavailableError as error:
            refused = refused or error  # one of the other maker may be there
        else:
            if camera is not None:
                return camera
    raise CameraUnavailableError(why_none(parameters, attached, refused, usb.NODES.exists()))


def why_none(
    parameters: CameraParameters, attached: list[usb.UsbCamera], refused: Exception | None, has_bus: bool
) -> str:
    """In one line, the likeliest reason that no camera was opened, and what to do.

    attached: cameras of the wanted makers on the USB bus. refused: what a library said, None when it found none.
    """
    barred = [camera for camera in attached if camera.problem]
    if barred:
        return f"{barred[0]}: {barred[0].problem}; device: list says how to give the right"
    if not has_bus:
        return f"no camera: {usb.NO_BUS}"
    if refused is not None:
        return str(refused)
    kind = "event camera" if parameters.device == "any" else f"camera of the kind {parameters.device}"
    if parameters.serial:
        others = ", ".join(map(str, attached)) or "none"
        return f"no {kind} with serial number {parameters.serial}; attached: {others}"
    if attached:
        return f"{attached[0]}: attached, but no library here opens it; use its ROS driver"
    return f"no {kind} is attached; plug it in, or see what is there with device: list"


def describe_cameras(system: Path = usb.SYSTEM, nodes: Path = usb.NODES) -> str:
    """What is attached, what each library finds, and what rights are missing, as lines to print."""
    attached = usb.attached_cameras(system, nodes)
    lines = ["on the USB bus:"]
    if not nodes.exists():
        lines.append(f"  {usb.NO_BUS}")
    elif not attached:
        lines.append("  no event camera")
    lines += [f"  {camera}: {camera.problem or 'may be opened'} (device: {camera.model.device})" for camera in attached]
    lines += ["found by dv-processing (device: inivation):", *_indented(_found_by_dv)]
    lines += ["found by neuromorphic-drivers (device: prophesee):", *_indented(_found_by_neuromorphic_drivers)]
    rules = usb.missing_rules(attached)
    if rules:
        lines += [
            "missing udev rules; to add them:",
            f"  sudo tee {usb.RULES_FILE} <<'END'",
            *rules,
            "END",
            "  sudo udevadm control --reload-rules && sudo udevadm trigger",
        ]
    return "\n".join(lines)


def _indented(find: Any) -> list[str]:
    try:
        found = find()
    except inivation.LIBRARY_ERRORS as error:
        return [f"  cannot look: {one_line(error)}"]
    return [f"  {camera}" for camera in found] or ["  none"]


def _found_by_dv() -> list[str]:
    import dv_processing as dv

    return [f"{found.cameraModel.name} {found.serialNumber}" for found in dv.io.camera.discover()]


def _found_by_neuromorphic_drivers() -> list[str]:
    import neuromorphic_drivers as nd

    return [
        " ".join(filter(None, (found.name.value, found.serial, found.connection.value, found.error)))
        for found in nd.list_devices()
    ]
