"""What stands in for a camera that neuromorphic-drivers has opened.

It hands over what it is given, words of a real camera's recording mostly, in the library's own status types, each
transfer followed by nothing for a moment, as a live camera does; at the end it is unplugged.
"""

from collections.abc import Iterator
from typing import Any

import neuromorphic_drivers as nd
from neuromorphic_drivers.status import RawRingStatus, RawStatus

Transfer = tuple[bytes, list[int], int]
"""Data, where in them something was lost before, packets dropped since the camera was opened."""


class Device:
    """An EVK4 that hands over transfers, nothing for a while after each, and is then unplugged."""

    def __init__(self, transfers: list[Transfer]) -> None:
        self._results = self._hand_over(transfers)
        self.closed = 0

    @staticmethod
    def _hand_over(transfers: list[Transfer]) -> Iterator[tuple[RawStatus, bytes | None]]:
        for data, losses, dropped in transfers:
            yield RawStatus(1.0, RawRingStatus(1.0, 0, 1, False, losses or None, dropped)), data
            yield RawStatus(2.0, None), None
        raise RuntimeError("PropheseeEvk4(Usb(Rusb(NoDevice)))")

    def __next__(self) -> tuple[RawStatus, bytes | None]:
        return next(self._results)

    def name(self) -> nd.Name:
        return nd.Name.PROPHESEE_EVK4

    def serial(self) -> str:
        return "00050E5A"

    def properties(self) -> Any:
        return nd.prophesee_evk4.Properties()

    def close(self) -> None:
        self.closed += 1


def transfers_of(data: bytes, size: int) -> list[Transfer]:
    return [(data[begin : begin + size], [], 0) for begin in range(0, len(data), size)]
