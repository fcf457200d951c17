"""Debian packages for the tests: made here, and offered to apt in a folder."""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path


def offer(folder: Path, *packages: tuple[str, str, Mapping[str, str]]) -> None:
    """Make packages, each of a name, a version and texts by path, and the index that apt reads."""
    index = ""
    for number, (package, version, files) in enumerate(packages):
        control = (
            f"Package: {package}\nVersion: {version}\nArchitecture: amd64\n"
            f"Maintainer: nobody <nobody@localhost>\nDescription: {package}\n"
        )
        tree, name = folder.parent / f"tree{number}", f"{package}_{version.replace(':', '%3a')}_amd64.deb"
        for path, text in {**files, "DEBIAN/control": control}.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        subprocess.run(["dpkg-deb", "--build", tree, folder / name], capture_output=True, check=True)
        content = (folder / name).read_bytes()
        index += control + f"Filename: ./{name}\nSize: {len(content)}\n"
        index += f"SHA256: {hashlib.sha256(content).hexdigest()}\n\n"
    (folder / "Packages").write_text(index)
