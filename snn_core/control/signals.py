"""What teaches a network: named signals, each the sum of its weighted terms.

A task gives a ``reward`` (larger is better), an ``error`` for the decoder's ``credit``, or signals of other names.
Beside each signal stand its terms, named by signal and term: ``reward/progress`` is a part of ``reward``.
"""

import math
from collections.abc import Mapping

Signals = Mapping[str, float]
"""Values by name, terms among them."""
REWARD, ERROR = "reward", "error"


def weighted(signal: str, terms: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """The signal and its terms; ``terms``: weight and value of each by name. Terms of weight 0 are left out.

    Empty, so that the signal is not given, where no term is left.
    """
    parts = {f"{signal}/{term}": weight * value for term, (weight, value) in terms.items() if weight}
    return {signal: sum(parts.values()), **parts} if parts else {}


def names_of(signals: Signals) -> tuple[str, ...]:
    """The names of the signals themselves, without those of terms."""
    return tuple(name for name in signals if "/" not in name)


def check_finite(signals: Signals) -> None:
    """Raises ValueError, naming the signal, for a value that is not finite."""
    for name, value in signals.items():
        if not math.isfinite(value):
            raise ValueError(f"signal {name} must be finite, found {value}")
