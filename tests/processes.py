"""Processes that a test has caused: which they are, and whether they are gone."""

import time
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not waited for does not."""
    return _stat(pid)[:1] not in ([], ["Z"])


def gone(pids: list[int], within_s: float) -> bool:
    """Whether all of them end within a while."""
    deadline = time.monotonic() + within_s
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def descendants(pid: int) -> list[int]:
    """Children of a process and theirs, parents first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            children.setdefault(int(stat[1]), []).append(int(folder.name))
    found = [pid]
    for parent in found:
        found += sorted(children.get(parent, []))
    return found[1:]


def command(pid: int) -> list[str]:
    """A process's command line; [] when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:
        return []


def environment(pid: int) -> dict[str, str]:
    """A process's environment when it began."""
    lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


def _stat(pid: int) -> list[str]:
    """State, parent and what follows in /proc/PID/stat; [] when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
