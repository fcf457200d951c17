"""Name the Python files of a git checkout that are too long: more than 400 lines are more than one idea.

Run by "make lint"; exit code 1 when there is any. Standard library only.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400


def too_long(root: Path) -> dict[str, int]:
    """Lines of each file that has too many, by its path below ``root``; new files that git does not ignore count."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    paths = {name: root / name for name in listed.split("\0") if name}
    lines = {name: path.read_bytes().count(b"\n") for name, path in paths.items() if path.is_file()}
    return {name: count for name, count in sorted(lines.items()) if count > MOST_LINES}


def main(root: Path = ROOT) -> int:
    """Print one line a file; the exit code."""
    found = too_long(root)
    for name, count in found.items():
        print(f"{name}: {count} lines, expected at most {MOST_LINES}: cut it where an idea ends")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
