"""Cameras with sensors of Prophesee, without an SDK, through neuromorphic-drivers: EVK3 HD, EVK4 and their like.

Their own EVT3 words go out as they come; nothing is decoded here. The library is imported when a camera is looked for
and not before.
Source: neuromorphic-drivers 0.18, https://github.com/neuromorphicsystems/neuromorphic-drivers
"""

from collections import deque
from collections.abc import Sequence
from types import ModuleType
from typing import Any, get_args, get_type_hints

import numpy as np

from snn_core.errors import UserError
from snn_core.events.codecs.evt3 import Evt3Decoder
from snn_core.events.live.biases import check_values, match_names, parse_biases
from snn_core.events.live.camera import CameraUnavailableError, RawData, one_line
from snn_core.events.live.camera_parameters import CameraParameters

LIBRARY_ERRORS = (RuntimeError, ValueError, OSError)


class Evt3Camera:
    """A ``LiveCamera`` over a device that neuromorphic-drivers has opened with ``raw=True`` and a timeout of 0.

    losses: how often data did not arrive whole, because nobody took them in time or the transport lost them.
    """

    encoding = Evt3Decoder.encoding

    def __init__(self, device: Any) -> None:
        properties = device.properties()
        self.width, self.height = int(properties.width), int(properties.height)
        self.name = f"{device.name().value} {device.serial()}"
        self.losses = 0
        self._device = device
        self._waiting: deque[RawData] = deque()
        self._dropped_packets = 0

    def next_batch(self) -> RawData | None:
        """See ``LiveCamera``."""
        if self._device is not None and not self._waiting:
            self._receive(self._device)
        return self._waiting.popleft() if self._waiting else None

    def _receive(self, device: Any) -> None:
        try:
            status, data = next(device)
        except (*LIBRARY_ERRORS, StopIteration) as error:
            raise CameraUnavailableError(f"{self.name}: {one_line(error)}") from error
        if not data:
            return
        at = list(status.ring.overflow_indices or ())
        dropped = status.ring.dropped_packets
        if dropped > self._dropped_packets and not at:
            at = [0]  # where is not said
        self._dropped_packets = dropped
        self.losses += len(at)
        self._waiting.extend(split_at_losses(bytes(data), at))

    def is_connected(self) -> bool:
        """Until it is closed: that it has gone is known when it is read."""
        return self._device is not None

    def close(self) -> None:
        """Give the camera back."""
        if self._device is not None:
            self._device.close()
        self._device = None


def split_at_losses(data: bytes, losses: Sequence[int]) -> list[RawData]:
    """``data`` in pieces that begin where something was lost before, given as positions in it."""
    after_loss = {position for position in losses if 0 <= position < len(data)}
    begins = sorted(after_loss | {0})
    pieces = [
        RawData(data[begin:end], begin in after_loss)
        for begin, end in zip(begins, [*begins[1:], len(data)], strict=True)
    ]
    return [piece for piece in pieces if piece.data]


def open_prophesee(parameters: CameraParameters) -> Evt3Camera | None:
    """The first camera with EVT3 that neuromorphic-drivers finds, of this serial number if one is given; None: none.

    Raises CameraUnavailableError when it cannot be opened, UserError for a setting that it does not have.
    """
    import neuromorphic_drivers as nd

    modules: dict[Any, ModuleType] = {
        nd.Name.PROPHESEE_EVK4: nd.prophesee_evk4,
        nd.Name.PROPHESEE_EVK3_HD: nd.prophesee_evk3_hd,
        nd.Name.CENTURYARKS_VGA: nd.centuryarks_vga,
        nd.Name.LUCID_TRITON: nd.lucid_triton,
    }
    try:
        listed = [camera for camera in nd.list_devices() if camera.name in modules]
    except LIBRARY_ERRORS as error:
        raise CameraUnavailableError(f"neuromorphic-drivers cannot list cameras: {one_line(error)}") from error
    matching = [camera for camera in listed if parameters.serial in ("", camera.serial)]
    if not matching:
        return None
    chosen = next((camera for camera in matching if camera.error is None), matching[0])
    name = chosen.name.value
    if chosen.error is not None:
        raise CameraUnavailableError(f"{name}: {chosen.error}")
    _refuse_settings(parameters, name)
    module = modules[chosen.name]
    biases = checked_biases(module, parameters.biases, name)
    try:
        configuration = module.Configuration(biases=module.Biases(**biases))
        device = nd.open(configuration, iterator_timeout=0.0, raw=True, serial=chosen.serial)
    except LIBRARY_ERRORS as error:
        raise CameraUnavailableError(f"{name}: {one_line(error)}") from error
    try:
        check_bounds(device.biases_bounds(), biases)
    except UserError:
        device.close()
        raise
    return Evt3Camera(device)


def _refuse_settings(parameters: CameraParameters, name: str) -> None:
    for setting in ("flip_horizontal", "flip_vertical", "noise_filter_us"):
        if getattr(parameters, setting):
            raise UserError(
                f"{setting}: the words of {name} go out as they are; expected none, use the node event_filter"
            )


def checked_biases(module: Any, text: str, name: str) -> dict[str, int]:
    """Biases by the names and in the number types of a camera's module in the library.

    Raises UserError for a name or a number that it does not have.
    """
    hints = get_type_hints(module.Biases)
    biases = match_names(parse_biases(text), hints, name)
    for bias, values in biases.items():
        (kind,) = (kind for kind in get_args(hints[bias]) if kind is not int)
        limits = np.iinfo(kind)
        check_values(bias, values, (int(limits.min), int(limits.max)))
    return {bias: values[0] for bias, values in biases.items()}


def check_bounds(bounds: Any, biases: dict[str, int]) -> None:
    """Raise UserError for a bias beyond what the camera itself says; bounds that are equal say nothing."""
    for name, value in biases.items():
        bound = getattr(bounds, name)
        if bound.minimum < bound.maximum:
            check_values(name, (value,), (int(bound.minimum), int(bound.maximum)))
