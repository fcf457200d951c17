"""numba's cache on disk, for the kernels of snn_core: a change of any source file of snn_core makes its entries stale.

numba itself looks for changes only in the file of the function that it has compiled. A kernel also holds constants and
functions of other files: with an old record layout it would follow wrong addresses. So a digest of all sources is part
of the stamp that numba compares, and of the names of the files. A name of its own for each version matters to processes
that run at the same time. Numba writes index and code one after the other, and an index must not lead to older code.

Where the files lie is numba's choice (NUMBA_CACHE_DIR, ``__pycache__``, or the user's cache folder). Functions of other
packages are cached as ever, but for the parts that they compile with ``snn_core.network.compiled.kernel``.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any
from weakref import WeakSet

KEPT_VERSIONS = 4
"""Versions of the sources whose entries stay: to return to a commit need not mean to compile again."""

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_CACHING = "numba.core.caching"
_covered: WeakSet[Callable[..., Any]] = WeakSet()
_locating: set[Callable[..., Any]] = set()
_cleared: set[str] = set()


@functools.cache
def source_digest() -> str:
    """SHA-256 of the names and contents of snn_core's Python files, in hexadecimal, as they were when first asked for.

    Times do not count: wheels and checkouts set them at will.
    """
    import hashlib  # with numba it is loaded anyway; ``import snn_core`` alone does not need it

    digest = hashlib.sha256()
    for folder, subfolders, names in os.walk(_PACKAGE):
        subfolders[:] = sorted(set(subfolders) - {"__pycache__"})
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith("."):
                path = os.path.join(folder, name)
                try:
                    with open(path, "rb") as file:
                        content = file.read()
                except OSError:  # a link to a file that has moved: nothing can import it
                    continue
                digest.update(os.fsencode(path[len(_PACKAGE) :]) + b"\0%d\0" % len(content) + content)
    return digest.hexdigest()


def cover(function: Callable[..., Any]) -> None:
    """Let the sources of snn_core count for this function, too, which may be of another package."""
    _covered.add(function)


def install() -> None:
    """Let numba cache as described above, from now on, or as soon as it is imported: it takes a second to import."""
    if _CACHING in sys.modules:
        _register(import_module(_CACHING))  # waits where another thread is just importing it
    elif not any(isinstance(finder, _NumbaFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NumbaFinder())


class PackageCacheLocator:
    """The place that numba chooses for a function's cache, with names and stamps that tell versions of snn_core apart.

    It has the methods that numba asks of a cache locator.
    """

    def __init__(self, chosen: Any) -> None:
        self._chosen = chosen
        self._py_file = chosen._py_file  # numba's warnings name it
        self._version = f"snn_core-{source_digest()[:16]}"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "PackageCacheLocator | None":
        """None leaves the function to numba's other locators."""
        ours = os.path.abspath(py_file).startswith(_PACKAGE) or py_func in _covered
        if not ours or py_func in _locating:
            return None
        _locating.add(py_func)  # numba asks again, and the answer is then None: the others choose
        try:
            return cls(import_module(_CACHING).CompileResultCacheImpl(py_func).locator)
        finally:
            _locating.discard(py_func)

    def get_cache_path(self) -> str:
        """The folder of the function's cache."""
        return self._chosen.get_cache_path()

    def get_source_stamp(self) -> tuple[Any, str]:
        """What must be equal for an entry to be fresh: numba's own stamp, and the digest of all sources."""
        return self._chosen.get_source_stamp(), source_digest()

    def get_disambiguator(self) -> str:
        """Part of the files' names."""
        return f"{self._chosen.get_disambiguator()}-{self._version}"

    def ensure_cache_path(self) -> None:
        """Make the folder; numba calls this before it saves an entry."""
        self._chosen.ensure_cache_path()
        folder = self.get_cache_path()
        if folder not in _cleared:
            _cleared.add(folder)
            with contextlib.suppress(OSError):  # another process removes them, too, or they are of another user
                _remove_old_versions(folder, self._version)


def _remove_old_versions(folder: str, version: str) -> None:
    """Remove the entries of all versions but this one and those written last; raises OSError.

    A process that uses them is not harmed: numba takes an entry whose file is gone for one that never was. A file that
    is just being written has another ending.
    """
    import re

    ours = re.compile(r".*-(snn_core-[0-9a-f]{16})\.py\w+(\.\d+)?\.nb[ic]")
    paths: dict[str, list[str]] = {}
    for entry in os.scandir(folder):
        if (match := ours.fullmatch(entry.name)) and match[1] != version:
            paths.setdefault(match[1], []).append(entry.path)
    if len(paths) >= KEPT_VERSIONS:
        written = {other: max(map(os.path.getmtime, paths[other])) for other in paths}
        for other in sorted(paths, key=written.__getitem__)[: 1 - KEPT_VERSIONS]:
            for path in paths[other]:
                os.unlink(path)


def _register(caching: Any) -> None:
    """Have numba ask PackageCacheLocator first; ``caching`` is numba's module."""
    source_digest()  # the sooner, the less time there is to import one version and read another
    locators = caching.CacheImpl._locator_classes
    if PackageCacheLocator not in locators:
        locators.insert(0, PackageCacheLocator)
    name = f"{__name__}.{PackageCacheLocator.__name__}"
    # Where the user has set NUMBA_CACHE_LOCATOR_CLASSES, numba asks these instead. To set it for all would not last:
    # numba reads it again when any of its variables changes.
    instead = getattr(caching.config, "CACHE_LOCATOR_CLASSES", "")
    if instead and name not in instead:
        caching.config.CACHE_LOCATOR_CLASSES = f"{name},{instead}"


class _NumbaFinder:
    """Finds numba's module of the cache as Python would, and has the locator registered after it has run.

    NUMBA_CACHE_LOCATOR_CLASSES would do this without a finder, but programs that this process starts would inherit it.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """None for all other modules."""
        if name != _CACHING:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_register(module: Any) -> None:
                run(module)
                _register(module)

            spec.loader.exec_module = run_and_register
        return spec
