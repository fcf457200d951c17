"""What figures were measured on, and with."""

import os
import platform

import numba
import numpy as np

from snn_core import __version__
from snn_core.learning.experiment import processor_name


def machine() -> dict[str, str | int | None]:
    """Processor, number of its cores, versions of what SpikeDrive is made of."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "spikedrive": __version__,
    }
