"""Dotted paths into what a file holds: ``connections.0.rule.tau_plus_ms``; ``*`` stands for every item of a list."""

from collections.abc import Iterator, Mapping
from copy import deepcopy

from snn_core.errors import UserError


def with_value(data: Mapping[str, object], path: str, value: object, origin: str) -> dict[str, object]:
    """A copy of ``data`` with another value at ``path``.

    origin: begins the message of the UserError that a path raises which leads nowhere.
    """
    copy = deepcopy(dict(data))
    keys = path.split(".")
    places = list(_places(copy, keys, [], origin))
    if not places:
        raise UserError(f"{origin}.{path}: leads to nothing; expected a part that is there")
    for parent, key in places:
        parent[key] = deepcopy(value)  # type: ignore[index]
    return copy


def _places(
    part: object, keys: list[str], before: list[str], origin: str
) -> Iterator[tuple[dict[str, object] | list[object], str | int]]:
    """Containers that a path leads to, and the key in each. A star leaves out the items that the rest does not fit."""
    key, rest = keys[0], keys[1:]
    if key == "*" and isinstance(part, list):
        for number in range(len(part)):
            try:
                yield from _places(part, [str(number), *rest], before, origin)
            except UserError:
                continue
        return
    name = _key(part, key, ".".join([origin, *before]))
    if not rest:
        yield part, name  # type: ignore[misc]
        return
    yield from _places(part[name], rest, [*before, key], origin)  # type: ignore[index]


def _key(part: object, key: str, where: str) -> str | int:
    if isinstance(part, dict):
        if key in part:
            return key
        raise UserError(f"{where}: has no {key!r}; expected one of {', '.join(map(str, part)) or 'nothing'}")
    if isinstance(part, list):
        if key.isdecimal() and int(key) < len(part):
            return int(key)
        raise UserError(f"{where}: has no item {key!r}; expected * or a number from 0 to {len(part) - 1}")
    raise UserError(f"{where}: has no parts; expected a path that ends here, found {key!r} below it")
