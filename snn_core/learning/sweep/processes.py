"""Workers that are processes of this machine."""

import multiprocessing
import os
import queue
import signal
import threading
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import connection

from pebble import ProcessExpired, ProcessPool

from snn_core.learning.sweep.executors import Key, Outcome
from snn_core.learning.sweep.job import Job, Result, Work, perform


class Processes:
    """An executor of ``workers`` processes; one that dies is replaced."""

    def __init__(self, workers: int, work: Work = perform) -> None:
        self._workers, self._work = workers, work
        self._ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._pool = ProcessPool(
            max_workers=workers, context=multiprocessing.get_context("spawn"), initializer=_begin_worker
        )

    def slots(self) -> int:
        """See ``Executor``."""
        return self._workers

    def submit(self, key: Key, job: Job) -> None:
        """See ``Executor``."""
        future = self._pool.schedule(self._work, args=[job])
        future.add_done_callback(lambda done: self._ended.put(_outcome(key, done)))

    def wait(self, timeout_s: float) -> list[Outcome]:
        """See ``Executor``."""
        outcomes: list[Outcome] = []
        with suppress(queue.Empty):
            outcomes.append(self._ended.get(timeout=timeout_s))
            while True:
                outcomes.append(self._ended.get_nowait())
        return outcomes

    def close(self) -> None:
        """See ``Executor``."""
        self._pool.stop()
        self._pool.join()


def _outcome(key: Key, future: Future[Result]) -> Outcome:
    if future.cancelled():
        return Outcome(key, None, "it was cancelled")
    error = future.exception()
    if isinstance(error, ProcessExpired):
        return Outcome(key, None, f"exit code {error.exitcode}")
    if error is not None:
        return Outcome(key, None, f"{type(error).__name__}: {error}")
    return Outcome(key, future.result())


def _begin_worker() -> None:
    """Ctrl-C is for the parent, which ends its workers; a worker whose parent was killed ends by itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=[parent.sentinel], daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
