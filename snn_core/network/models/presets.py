"""Named sets of parameters, as the papers of some models give them."""

from collections.abc import Mapping
from typing import Any


def filled_in(data: Any, presets: Mapping[str, Mapping[str, float]]) -> Any:
    """``data`` with its key ``preset`` replaced by that preset's numbers; the other keys of ``data`` win over them.

    Raises:
        ValueError: a preset of another name.
    """
    if not isinstance(data, dict) or "preset" not in data:
        return data
    name = data["preset"]
    if not isinstance(name, str) or name not in presets:
        raise ValueError(f"preset must be one of {', '.join(presets)}, found {name!r}")
    return {**presets[name], **{key: value for key, value in data.items() if key != "preset"}}
