"""Biases as a user writes them: names of the camera's own, and numbers."""

import re
from collections.abc import Iterable, Mapping

from snn_core.errors import UserError

BiasValues = tuple[int, ...]
_ASSIGNMENT = re.compile(r"(\w+)=(-?\d+(?:,-?\d+)*)")


def parse_biases(text: str) -> dict[str, BiasValues]:
    """``diff_on=20 diff_off=-10`` and ``On=5,120``, assignments with spaces between them.

    Raises UserError for what is none, and for a bias that is given twice.
    """
    biases: dict[str, BiasValues] = {}
    for word in text.split():
        assignment = _ASSIGNMENT.fullmatch(word)
        if assignment is None:
            raise UserError(f"biases: expected NAME=NUMBER or NAME=COARSE,FINE, found {word!r}")
        name, values = assignment.groups()
        if name in biases:
            raise UserError(f"biases: {name} is given twice; remove one")
        biases[name] = tuple(map(int, values.split(",")))
    return biases


def match_names(biases: Mapping[str, BiasValues], known: Iterable[str], camera: str) -> dict[str, BiasValues]:
    """The biases by the names that the camera knows, whatever case they are written in.

    Raises UserError for one that it does not know.
    """
    by_lower_case = {name.lower(): name for name in known}
    for name in biases:
        if name.lower() not in by_lower_case:
            raise UserError(f"biases: {name}: {camera} has none of this name; expected one of {_listed(by_lower_case)}")
    return {by_lower_case[name.lower()]: values for name, values in biases.items()}


def check_values(name: str, values: BiasValues, *ranges: tuple[int, int]) -> None:
    """Raise UserError unless there is one value for each range (lowest, highest), within it."""
    expected = " and ".join(f"{low} to {high}" for low, high in ranges)
    if len(values) != len(ranges) or any(
        not low <= value <= high for value, (low, high) in zip(values, ranges, strict=True)
    ):
        raise UserError(f"biases: {name}: expected {expected}, found {','.join(map(str, values))}")


def _listed(names: Mapping[str, str]) -> str:
    return ", ".join(names.values()) or "none"
