"""Parts of other packages: tasks, models, rules, encoders, decoders and file formats, found by entry points.

A package offers a part in its pyproject.toml, under the group of its kind:

    [project.entry-points."spikedrive.tasks"]
    balance = "my_package.balance:Balance"
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from pkgutil import iter_modules
from typing import TypeVar

from snn_core.errors import UserError

Kind = TypeVar("Kind")

PREFIX = "spikedrive."


@cache
def _all() -> dict[str, list[EntryPoint]]:
    """Our entry points of all installed packages by group; finding them reads a file of every package, once."""
    found: dict[str, list[EntryPoint]] = {}
    for package in distributions():
        for entry in package.entry_points:
            if entry.group.startswith(PREFIX):
                found.setdefault(entry.group.removeprefix(PREFIX), []).append(entry)
    return found


def plugins(group: str) -> dict[str, object]:
    """What other packages offer as ``spikedrive.<group>``, by name, loaded.

    Raises UserError, naming package and entry point, for one that cannot be imported.
    """
    loaded: dict[str, object] = {}
    for entry in _all().get(group, []):
        try:
            loaded[entry.name] = entry.load()
        except Exception as error:  # whatever a foreign module does when it is imported
            package = entry.dist.name if entry.dist is not None else "unknown package"
            raise UserError(
                f"{package}: entry point {PREFIX}{group}: {entry.name} = {entry.value}: cannot be imported: {error}; "
                "mend the package, or uninstall it"
            ) from error
    return loaded


def parts(package: str, path: Iterable[str], constant: str, kind: type[Kind], group: str) -> list[Kind]:
    """What the files of a package define as ``constant``, and after it what other packages offer.

    package, path: its ``__name__`` and ``__path__``. Raises UserError for an entry point that is no ``kind``.
    """
    modules = (import_module(f"{package}.{file.name}") for file in iter_modules(path))
    found = [getattr(module, constant) for module in modules if hasattr(module, constant)]
    for name, offered in plugins(group).items():
        if not isinstance(offered, kind):
            raise UserError(f"entry point {PREFIX}{group}: {name}: expected a {kind.__name__}, found {offered!r}")
        found.append(offered)
    return found
