"""All tasks, and the libraries that do them."""

import importlib.util

from spikedrive_benchmarks.events.candidates import Prepare
from spikedrive_benchmarks.events.decoding import (
    EVT2_DECODE,
    EVT3_DECODE,
    EVT3_ENCODE,
    LIBCAER_DECODE,
    MONO_DECODE,
)
from spikedrive_benchmarks.events.filtering import FILTER_BACKGROUND
from spikedrive_benchmarks.events.pooling import POOL
from spikedrive_benchmarks.events.reading import AEDAT4_READ

TASKS: dict[str, dict[str, Prepare]] = {
    "evt3_decode": EVT3_DECODE,
    "evt2_decode": EVT2_DECODE,
    "libcaer_decode": LIBCAER_DECODE,
    "mono_decode": MONO_DECODE,
    "pool": POOL,
    "filter_background": FILTER_BACKGROUND,
    "aedat4_read": AEDAT4_READ,
    "evt3_encode": EVT3_ENCODE,
}
PACKAGES = {
    "spikedrive": "snn_core",
    "evutils": "evutils",
    "faery": "faery",
    "evt3": "evt3",
    "expelliarmus": "expelliarmus",
    "eventcv": "eventcv",
    "dv-processing": "dv_processing",
    "numpy": "numpy",
}
"""The libraries that are compared, and what each is imported as."""


def available() -> list[str]:
    """The libraries that are installed here."""
    return [name for name, package in PACKAGES.items() if importlib.util.find_spec(package) is not None]
