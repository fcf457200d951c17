"""Options of the integrate-and-fire neurons for networks that were made for simulators with discrete dynamics.

``integration: euler`` steps the equations by forward Euler instead of exactly, and a neuron spikes when V exceeds the
threshold. ``reset`` says what a spike does to V: ``value`` sets it to reset_mv, ``subtract`` takes threshold_mv -
reset_mv away, ``zero`` sets it to 0 mV.

What two simulators do, in these terms; always euler, and refractory_ms 0 but where it is named:

- Norse 1.1: v_leak is rest_mv, v_th threshold_mv, v_reset reset_mv. LIFCell: model ``lif``, resistance 1, times in ms.
  LIFBoxCell: model ``lif_delta``, weights times dt / tau_membrane.
- snnTorch 1.0, with rest 0: Leaky(beta): model ``lif_delta``. Synaptic(alpha, beta): model ``lif``, tau_membrane =
  dt / (1 - beta), tau_synapse = dt / (1 - alpha), resistance 1 / (1 - beta). Their subtraction comes a step late, after
  the decay: here ``reset: subtract`` with reset_mv = threshold (1 - 1 / beta), or 0 with reset_delay=False. Their reset
  to zero is ``reset: zero``; Synaptic loses a step by it (refractory_ms = dt) unless reset_delay=False.

Both let a spike act on the next layer in the same step, here it acts in the next one.
"""

from typing import Any, Literal, Protocol

import numpy as np

Integration = Literal["exact", "euler"]
Reset = Literal["value", "subtract", "zero"]


class Resettable(Protocol):
    """Parameters of a neuron that is reset when it spikes."""

    @property
    def threshold_mv(self) -> float: ...
    @property
    def reset_mv(self) -> float: ...
    @property
    def refractory_ms(self) -> float: ...


def reset_below_threshold(parameters: Any) -> Any:
    """The parameters. Raises ValueError where a spike would not take the neuron below its threshold."""
    if parameters.reset_mv >= parameters.threshold_mv:
        raise ValueError(
            f"reset_mv must lie below threshold_mv ({parameters.threshold_mv}), found {parameters.reset_mv}"
        )
    return parameters


def check_reset(parameters: Resettable, reset: Reset) -> None:
    """Raises ValueError for a reset after which the neuron would spike while it holds its potential."""
    if reset == "zero" and parameters.threshold_mv <= 0:
        raise ValueError(f"reset: zero needs a parameters.threshold_mv above 0, found {parameters.threshold_mv}")
    if reset == "subtract" and parameters.refractory_ms > 0:
        raise ValueError(
            "reset: subtract may leave the potential above the threshold and needs parameters.refractory_ms 0, "
            f"found {parameters.refractory_ms}"
        )


def reset_numbers(parameters: Resettable, reset: Reset) -> tuple[float, float]:
    """(kept, added): a spike makes kept * V + added of V."""
    if reset == "subtract":
        return 1.0, parameters.reset_mv - parameters.threshold_mv
    return 0.0, 0.0 if reset == "zero" else parameters.reset_mv


def smallest_spiking(threshold_mv: float, integration: Integration) -> float:
    """The smallest float32 potential that spikes: the threshold, or with euler the next number above it."""
    threshold = np.float32(threshold_mv)
    return float(threshold if integration == "exact" else np.nextafter(threshold, np.float32(np.inf)))


def euler_decay(tau_ms: float, dt_ms: float, key: str) -> float:
    """What forward Euler leaves after a step. Raises ValueError where the step is longer than the time constant."""
    if dt_ms > tau_ms:
        raise ValueError(f"parameters.{key} must be at least dt_ms ({dt_ms}) with integration: euler, found {tau_ms}")
    return 1 - dt_ms / tau_ms
