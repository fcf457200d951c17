"""Gazebo Classic 11 in a folder of its own, for the tests and for those who have no other: "make gazebo-classic".

The last Debian and Ubuntu releases that have Gazebo Classic are bullseye and jammy. Their packages come from the
machine's own mirror, by the machine's own apt, which checks where they come from, in folders of its own. Nothing is
installed on the machine, no root is needed. Packages are unpacked and not configured; Gazebo runs with their own loader
and libraries. Standard library only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "gazebo-classic"
STAMP = "complete"
RELEASES = {"debian": ("bullseye", "main"), "ubuntu": ("jammy", "main universe")}
PACKAGES = ["gazebo", "gazebo-plugin-base", "libgl1-mesa-dri", "xvfb", "dash"]
MESSAGES = "libgazebo-dev"
"""Has the .proto files; its dependencies are compilers' matters."""


class FetchError(Exception):
    """Gazebo Classic could not be had; the message is for the user."""


def say(text: str) -> None:
    print(f"gazebo-classic: {text}", flush=True)


def machine_release() -> tuple[str, str]:
    """ID and VERSION_CODENAME of /etc/os-release."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    values = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    return values.get("ID", ""), values.get("VERSION_CODENAME", "")


def source_line() -> str:
    """The line of sources.list for the release that has Gazebo Classic, at the machine's mirror. Raises FetchError."""
    distribution, codename = machine_release()
    if distribution not in RELEASES or shutil.which("apt-get") is None:
        raise FetchError("expected Debian or Ubuntu with apt-get; elsewhere install Gazebo Classic 11 by hand")
    listed = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(RELEASE) $(COMPONENT) $(REPO_URI) $(SIGNED_BY)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in listed.splitlines():
        release, component, uri, *_ = line.split()
        if release == codename and component == "main":
            release, components = RELEASES[distribution]
            keyring = f"/usr/share/keyrings/{distribution}-archive-keyring.gpg"
            return f"deb [signed-by={keyring}] {uri} {release} {components}\n"
    raise FetchError(f"the machine's apt knows no mirror of {distribution} {codename}; see /etc/apt/sources.list")


def run(command: list[str], folder: Path, log: Path) -> None:
    """Run a command with its output in the log. Raises FetchError."""
    with log.open("a") as output:
        print(f"\n$ {' '.join(command)}", file=output, flush=True)
        code = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        ).returncode
    if code:
        raise FetchError(f"{' '.join(command[:1])} failed, {log.relative_to(ROOT)} says why")


def download(scratch: Path, line: str, log: Path) -> list[Path]:
    """The packages and what they depend on, by an apt that knows nothing but ``line``."""
    for folder in ("state/lists/partial", "cache/archives/partial", "etc"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "etc" / "sources.list").write_text(line)
    (scratch / "status").touch()
    options = {
        "Dir::Etc::sourcelist": scratch / "etc" / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferences": "-",
        "Dir::Etc::preferencesparts": "-",
        "Dir::State": scratch / "state",
        "Dir::State::status": scratch / "status",
        "Dir::Cache": scratch / "cache",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "--quiet", "--yes", *(f"-o{name}={value}" for name, value in options.items())]
    archives = scratch / "cache" / "archives"
    say("reading the mirror's list of packages")
    run([*apt, "update"], scratch, log)
    say("downloading (350 MB)")
    run([*apt, "install", "--download-only", *PACKAGES], scratch, log)
    run([*apt, "download", MESSAGES], archives, log)
    return sorted(archives.glob("*.deb"))


def fetch() -> None:
    """Make FOLDER, whole or not at all. Raises FetchError."""
    line = source_line()
    FOLDER.parent.mkdir(exist_ok=True)
    log = FOLDER.parent / "gazebo-classic.log"
    log.write_text("")
    shutil.rmtree(FOLDER, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent, prefix="gazebo-classic.") as temporary:
        scratch = Path(temporary)
        tree = scratch / "tree"
        tree.mkdir()
        packages = download(scratch, line, log)
        say(f"unpacking {len(packages)} packages (1 GB)")
        for package in packages:
            run(["dpkg-deb", "--extract", str(package), str(tree)], scratch, log)
        finish(tree)
        tree.rename(FOLDER)


def finish(tree: Path) -> None:
    """What the packages' own scripts would have done, as far as it is needed, and nothing that is not."""
    shell = tree / "bin" / "sh"
    if not shell.exists():
        shell.symlink_to("dash")  # Xvfb runs xkbcomp by it
    (tree / "tmp").mkdir(exist_ok=True)
    for unused in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/icons", "usr/share/fonts"):
        shutil.rmtree(tree / unused, ignore_errors=True)
    (tree / STAMP).touch()


def main() -> int:
    """Fetch it unless it is there. Returns the exit code."""
    where = FOLDER.relative_to(ROOT)
    if (FOLDER / STAMP).exists():
        say(f"ready in {where}")
        return 0
    say(
        "packages of an older Debian or Ubuntu come from this machine's mirror into a folder of their own, without root"
    )
    try:
        fetch()
    except FetchError as error:
        say(str(error))
        return 1
    say(f"ready in {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
