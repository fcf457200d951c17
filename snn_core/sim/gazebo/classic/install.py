"""Where Gazebo Classic is, and how its server is run from there."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from snn_core.errors import UserError

UNPACKED = Path(sys.prefix).parent / "build" / "gazebo-classic"
"""What "make gazebo-classic" makes, next to the virtual environment."""
ROOT_VARIABLE = "SPIKEDRIVE_GAZEBO_CLASSIC"
"""Environment variable: another folder that holds such a tree."""
_PROTO_FOLDERS = ("usr/include/gazebo-11/gazebo/msgs/proto", "usr/local/include/gazebo-11/gazebo/msgs/proto")
_COMPLETE = "complete"
_PASSED_ON = ("HOME", "PATH", "DISPLAY", "XAUTHORITY", "LANG", "TMPDIR")


@dataclass(frozen=True)
class ClassicInstall:
    """An installation. folder: the unpacked tree, or None for the system's own. protos: its .proto files."""

    folder: Path | None
    protos: Path

    def command(self, tool: str) -> list[str]:
        """How a program of it (`gzserver`, `gz`) is run, up to its arguments; with ``environment()``."""
        if self.folder is None:
            return [tool]
        libraries = _library_folders(self.folder)
        loader = next(self.folder.glob("lib/*/ld-linux*.so.*"))
        return [str(loader), "--library-path", ":".join(map(str, libraries)), str(self.folder / "usr/bin" / tool)]

    def environment(self) -> dict[str, str]:
        """Environment variables for its programs: what they need of the user's, software rendering, loopback only."""
        kept = os.environ if self.folder is None else {k: os.environ[k] for k in _PASSED_ON if k in os.environ}
        environment = {
            **kept,
            "GAZEBO_IP": "127.0.0.1",
            "IGN_IP": "127.0.0.1",
            "GAZEBO_MODEL_DATABASE_URI": "",
            "ALSOFT_DRIVERS": "null",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        if self.folder is None:
            return environment
        libraries = next(self.folder.glob("usr/lib/*/gazebo-11")).parent
        share = self.folder / "usr/share/gazebo-11"
        return environment | {
            "GAZEBO_RESOURCE_PATH": str(share),
            "GAZEBO_MODEL_PATH": str(share / "models"),
            "GAZEBO_PLUGIN_PATH": str(libraries / "gazebo-11" / "plugins"),
            "OGRE_RESOURCE_PATH": str(next(libraries.glob("OGRE-1.*"))),
            "LIBGL_DRIVERS_PATH": str(libraries / "dri"),
        }


def find_classic(root: str = "") -> ClassicInstall:
    """The installation in folder ``root``; empty: in SPIKEDRIVE_GAZEBO_CLASSIC, what make gazebo-classic made, or the
    system's. Raises UserError when there is none.
    """
    given = root or os.environ.get(ROOT_VARIABLE, "")
    folder = Path(given) if given else UNPACKED
    if (folder / _COMPLETE).exists():
        return ClassicInstall(folder.resolve(), folder.resolve() / _PROTO_FOLDERS[0])
    if given:
        raise UserError(f"{given}: no Gazebo Classic there; expected a folder that `make gazebo-classic` made")
    if shutil.which("gzserver"):
        for protos in _PROTO_FOLDERS:
            if (Path("/") / protos).is_dir():
                return ClassicInstall(None, Path("/") / protos)
        raise UserError("gzserver is here, but not its .proto files; install libgazebo-dev")
    raise UserError(
        "Gazebo Classic: not found; run `make gazebo-classic`, or install gazebo and libgazebo-dev (Gazebo 11)"
    )


def _library_folders(folder: Path) -> list[Path]:
    """Where the loader finds the libraries, those behind Debian's alternatives included."""
    triplet = next(folder.glob("usr/lib/*/gazebo-11")).parent
    return [
        triplet,
        folder / "lib" / triplet.name,
        folder / "usr/lib",
        *(triplet / name for name in ("blas", "lapack", "pulseaudio", "gazebo-11/plugins")),
    ]
