"""The headers of Python, which the message packages are built with, for a Debian or Ubuntu machine that lacks them.

The distribution has Python.h in a package of its own, and installing that takes root. Fetching it with the machine's
apt, which checks where it comes from, and unpacking it into the environment does not.

Standard library only, and nothing newer than Python 3.7 in it, as for prerequisites.py.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from spikedrive_nodes.processes.setup.steps import Log

VERSION = platform.python_version()
OF_MACHINE = Path(sysconfig.get_path("include"))


def short_name() -> str:
    """For example python3.11."""
    return "python{}.{}".format(*VERSION.split("."))


def folder(prefix: Path) -> Path:
    """The folder of Python.h: the machine's, or where that lacks it the one that :func:`fetch` makes in ``prefix``."""
    return OF_MACHINE if (OF_MACHINE / "Python.h").exists() else prefix / f"python_headers_{VERSION}" / short_name()


def package() -> str | None:
    """The package that has the headers of this very Python, as name=version; None when apt knows of none."""
    if Path("/usr/include", short_name()) != OF_MACHINE:  # not the distribution's Python
        return None
    name = f"lib{short_name()}-dev"
    try:
        known = subprocess.run(["apt-cache", "show", name], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    for version in re.findall(r"^Version: (.+)$", known, flags=re.MULTILINE):
        if re.sub(r"^\d+:|-[^-]*$", "", version) == VERSION:  # without Debian's epoch and revision
            return f"{name}={version}"
    return None


def fetch(package: str, prefix: Path, log: Log) -> None:
    """Put the headers that the package has into their folder in ``prefix``. Raises StepError."""
    with tempfile.TemporaryDirectory(dir=prefix) as temporary:
        download = Path(temporary)
        log.run(f"fetching {package}", ["apt-get", "download", package], folder=download)
        log.run(f"unpacking {package}", ["dpkg-deb", "--extract", *download.glob("*.deb"), download])
        include = download / "usr" / "include"
        headers = include / short_name()
        # pyconfig.h includes <x86_64-linux-gnu/python3.11/pyconfig.h>, which is to be found from its own folder too.
        for beside in sorted(set(include.iterdir()) - {headers}):
            (headers / beside.name).symlink_to(Path("..", beside.name))
        include.rename(folder(prefix).parent)
