"""``python -m spikedrive_benchmarks.frames.worker JSON``: a library's way from frames to events, in its own process.

The argument is an object with ``task``, ``library`` and ``film``, a .npy file of frames. Each line of its standard
input asks for a round and is answered by its CPU time (s).
"""

import importlib.metadata
import json
import sys
import time
from pathlib import Path

import numpy as np

from spikedrive_benchmarks.frames.libraries import TASKS

ROUND_S = 0.2
"""A round has as many calls as fit."""


def main() -> None:
    """Make the events once, save how many each pixel had, then time it."""
    asked = json.loads(sys.argv[1])
    frames = np.load(asked["film"])
    candidate = TASKS[asked["task"]][asked["library"]](frames)
    x, y, polarity = candidate.columns(candidate.run())
    counts = np.zeros((2, *frames.shape[1:]), np.int64)
    np.add.at(counts, (polarity.astype(np.int64), y, x), 1)
    saved = Path(asked["film"]).with_name(f"counts-{asked['library']}.npy")
    np.save(saved, counts)
    begin = time.process_time()
    candidate.run()
    calls = max(int(ROUND_S / (time.process_time() - begin + 1e-9)), 1)
    about = {
        "version": importlib.metadata.version(asked["library"]),
        "frames": len(frames) - 1,
        "counts": str(saved),
        "note": candidate.note,
    }
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        begin = time.process_time()
        for _ in range(calls):
            candidate.run()
        print(json.dumps({"answer": (time.process_time() - begin) / calls}), flush=True)


if __name__ == "__main__":
    main()
