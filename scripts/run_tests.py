"""``make test``: what starts no processes, then what does, by several workers each; what was skipped, and why."""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

LEFT_OUT = "not peers and not gazebo"
_SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] (\S+?)(?::\d+)?: (.*)$", re.MULTILINE)


def run(arguments: list[str], log: Path) -> tuple[int, str]:
    """Run pytest, showing what it prints; its exit code, and the same text."""
    command = [sys.executable, "-m", "pytest", *arguments]
    with log.open("wb") as file, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as pytest:
        assert pytest.stdout is not None
        while chunk := os.read(pytest.stdout.fileno(), 1 << 16):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            file.write(chunk)
    return pytest.returncode, log.read_text(encoding="utf-8", errors="replace")


def main() -> int:
    """Run both parts; 0 when both pass."""
    workers = min(os.cpu_count() or 1, 8)
    parts = {  # the second after the first, which leaves the kernels compiled; its tests wait much for their processes
        "in processes of pytest": ["-n", str(workers), "--dist", "loadfile", "-m", f"not processes and {LEFT_OUT}"],
        "with processes of their own": ["-n", "2", "--dist", "loadfile", "-m", f"processes and {LEFT_OUT}"],
    }
    codes, reasons = [], Counter[str]()
    with tempfile.TemporaryDirectory(prefix="spikedrive-tests-") as folder:
        for name, arguments in parts.items():
            print(f"== tests {name}", flush=True)
            code, text = run([*arguments, *sys.argv[1:]], Path(folder) / "log")
            codes.append(code)
            for count, _, reason in _SKIPPED.findall(text):
                reasons[reason] += int(count)
    print(f"== skipped: {sum(reasons.values()) or 'nothing'}")
    for reason, count in reasons.most_common():
        print(f"   {count:4d}  {reason}")
    return next((code for code in codes if code not in (0, 5)), 0)


if __name__ == "__main__":
    sys.exit(main())
