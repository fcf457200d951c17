"""The simulators' processes, as the one that measures sees them."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from snn_core.errors import UserError
from spikedrive_benchmarks.processes import Process
from spikedrive_benchmarks.snn.simulators import ALWAYS, NAMES, PACKAGES


def available() -> list[str]:
    """The simulators that are installed here."""
    return [name for name in NAMES if name in ALWAYS or importlib.util.find_spec(PACKAGES[name]) is not None]


def chosen(names: Sequence[str]) -> list[str]:
    """The simulators of these names, in our order; all that are installed for none. Raises UserError for one that is
    unknown or not installed.
    """
    there = available()
    for name in names:
        if name not in NAMES:
            raise UserError(f"--simulator {name}: expected one of {', '.join(NAMES)}")
        if name not in there:
            raise UserError(f"--simulator {name}: not installed here; make bench-setup installs all that are compared")
    return [name for name in there if not names or name in names]


class Worker(Process):
    """A simulator's process, building its network; the first question waits until that is done.

    Args:
        simulator: one of ``NAMES``.
        workload: as ``workloads.workload`` takes it.
        steps: all that will be asked for.
        input_hz: rate of its inputs; None: the workload's own.
        plastic: whether its weights change.
    """

    def __init__(
        self, simulator: str, workload: str, steps: int, input_hz: float | None = None, plastic: bool = True
    ) -> None:
        self.simulator = simulator
        asked = {
            "simulator": simulator,
            "workload": workload,
            "steps": steps,
            "input_hz": input_hz,
            "plastic": plastic,
        }
        super().__init__(simulator, f"{__package__}.worker", asked)

    def ask(self, question: str, steps: int = 0) -> Any:
        """The answer to one of the questions that ``worker`` lists. Raises RuntimeError when the process has ended."""
        return super().ask(f"{question} {steps}")
