"""The ``spikedrive`` command as the tests call it."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from snn_core.events.events import Events

SPIKEDRIVE = str(Path(sys.executable).with_name("spikedrive"))
Say = Callable[..., tuple[int, str, str]]
"""Of the fixture ``say``: runs the command in this process; its exit code, stdout and stderr."""


def few_events(count: int) -> Events:
    """Every 100 us from 1000 us on, half of them ON, for a sensor of 32 x 24."""
    index = np.arange(count)
    return Events(
        1000 + 100 * index.astype(np.int64),
        (index % 32).astype(np.uint16),
        (index % 24).astype(np.uint16),
        (index % 2).astype(np.uint8),
    )
