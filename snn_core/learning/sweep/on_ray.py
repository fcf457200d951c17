"""Workers that Ray provides: on this machine, or on a cluster."""

import os
import secrets
import time
from contextlib import suppress
from typing import Any

from snn_core.errors import UserError
from snn_core.learning.sweep.executors import Key, Outcome
from snn_core.learning.sweep.job import Job, Work, perform

_RESOURCES_EVERY_S = 2.0
_OBJECT_STORE_BYTES = 100 * 2**20
LOCAL_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the behaviour that Ray announces, without the announcement
    # The one switch by which Ray's servers listen on 127.0.0.1 alone: it takes the loopback address for its node's.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Of a Ray that is started here: no usage statistics, nothing that other machines can reach."""


class OnRay:
    """An executor of Ray tasks, one CPU each; Ray keeps its worker processes from task to task.

    address: of a running cluster (``host:port``, or ``auto``); None: a Ray of its own on this machine, with as many
    CPUs as ``cpus``, or as there are. Raises UserError when there is no cluster at the address.
    """

    def __init__(self, address: str | None = None, cpus: int | None = None, work: Work = perform) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if address is None:
            os.environ.update(LOCAL_ENVIRONMENT)
            if "RAY_AUTH_MODE" not in os.environ:  # a token of its own, where Ray would leave one in the home folder
                os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
        import ray

        self._ray: Any = ray
        self._connect(address, cpus)
        # A task whose process or node dies is run again by the scheduler, which counts.
        self._work = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(work)
        self._running: dict[Any, Key] = {}
        self._slots, self._asked_s = 0, float("-inf")

    def _connect(self, address: str | None, cpus: int | None) -> None:
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is None:
            own = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
            self._ray.init(address="local", **own, **quiet)
            return
        try:
            self._ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"--ray-address {address}: no Ray cluster answers there: {reason}") from error

    def slots(self) -> int:
        """See ``Executor``. A cluster may grow and shrink."""
        now_s = time.monotonic()
        if now_s - self._asked_s > _RESOURCES_EVERY_S:
            self._slots, self._asked_s = int(self._ray.cluster_resources().get("CPU", 0)), now_s
        return max(self._slots, 1)

    def submit(self, key: Key, job: Job) -> None:
        """See ``Executor``."""
        self._running[self._work.remote(job)] = key

    def wait(self, timeout_s: float) -> list[Outcome]:
        """See ``Executor``."""
        if not self._running:
            time.sleep(timeout_s)
            return []
        ended, _ = self._ray.wait(list(self._running), timeout=timeout_s)
        if ended:
            ended, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [self._outcome(reference) for reference in ended]

    def _outcome(self, reference: Any) -> Outcome:
        key = self._running.pop(reference)
        try:
            return Outcome(key, self._ray.get(reference))
        except self._ray.exceptions.RayTaskError as error:  # not in the run, which fails by its result
            reason = str(error).strip().splitlines()[-1]
            raise UserError(f"Ray: a node cannot do a run: {reason}; install spikedrive on every node") from error
        except self._ray.exceptions.RayError as error:
            return Outcome(key, None, type(error).__name__)

    def close(self) -> None:
        """See ``Executor``."""
        for reference in self._running:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        self._ray.shutdown()
