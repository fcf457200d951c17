"""What the node ``camera`` asks of a camera, whatever library reads it."""

import re
from dataclasses import dataclass
from typing import Protocol

from snn_core.errors import UserError
from snn_core.events.events import Events


class CameraUnavailableError(UserError):
    """No camera can be had now, but may be later: none is attached, no right to open it, in use, unplugged."""


@dataclass(frozen=True, slots=True)
class RawData:
    """Bytes of a camera's own encoding, as it sent them.

    data: may end anywhere, even inside a word.
    after_loss: what the camera sent before them did not arrive whole.
    """

    data: bytes
    after_loss: bool = False


class LiveCamera(Protocol):
    """A camera that is open and streams.

    name: model and serial number. width, height: size of the sensor, pixels.
    encoding: of the data that ``next_batch`` gives, as EventPacket messages name it; `mono` where it gives events.
    """

    name: str
    width: int
    height: int
    encoding: str

    def next_batch(self) -> Events | RawData | None:
        """What has come since the last call, without waiting; None when nothing has.

        Events lie on the sensor and are sorted by time, also against those of earlier batches. Raises
        CameraUnavailableError when the camera has gone.
        """
        ...

    def is_connected(self) -> bool:
        """Whether more may come."""
        ...

    def close(self) -> None:
        """Give the camera back; may be called twice."""
        ...


def one_line(error: Exception) -> str:
    """The reason that a library gives, in one line; dv-processing writes it between a source line and a stack trace."""
    text = str(error).strip()
    reason = re.search(r"^[A-Z]\w+: (.+)$", text, flags=re.MULTILINE)
    lines = [reason[1]] if reason else text.splitlines()
    return lines[0].strip() if lines else type(error).__name__
