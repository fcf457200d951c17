"""``python -m spikedrive_benchmarks.events.worker JSON``: a library's way to do a task, in a process of its own.

The argument is an object with ``task``, ``library`` and ``folder`` (of the stream). Each line of its standard input
asks for a round and is answered by its CPU time (s).
"""

import importlib.metadata
import json
import sys
import time
from pathlib import Path

from spikedrive_benchmarks.events.streams import Stream
from spikedrive_benchmarks.events.tasks import TASKS

ROUND_S = 0.2
"""A round has as many calls as fit."""
MAX_CALLS = 100


def main() -> None:
    """Do the task once and say what came out, then time it."""
    asked = json.loads(sys.argv[1])
    candidate = TASKS[asked["task"]][asked["library"]](Stream.load(Path(asked["folder"])))
    summary = {key: int(value) for key, value in candidate.summarise(candidate.run()).items()}
    begin = time.process_time()
    candidate.run()
    calls = min(max(int(ROUND_S / (time.process_time() - begin + 1e-9)), 1), MAX_CALLS)
    about = {
        "version": importlib.metadata.version(asked["library"]),
        "events": candidate.events,
        "summary": summary,
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
