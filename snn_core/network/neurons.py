"""The LIF neuron with an exponential synaptic current, integrated exactly.

    tau_membrane dV/dt = -(V - E_rest) + R (I + I_bias)
    tau_synapse  dI/dt = -I

A presynaptic spike raises I by its weight. Between spikes the two linear equations have a closed solution, so a step of
any length is exact (Rotter and Diesmann 1999, Biological Cybernetics 81). When V reaches the threshold at the end of a
step the neuron spikes, V is reset and held for the refractory period; the current goes on.
"""

import math
from typing import NamedTuple

from snn_core.network.spec import LifParameters


class LifPropagators(NamedTuple):
    """What one step does to a LIF neuron; voltages in mV, currents in nA, all float32 but the last."""

    membrane_decay: float
    current_to_membrane: float
    current_decay: float
    rest: float
    reset: float
    threshold: float
    refractory_steps: float


def lif_propagators(parameters: LifParameters, dt_ms: float) -> LifPropagators:
    """The exact propagators of a step of ``dt_ms``; ``rest`` includes what the bias current adds."""
    tau_m, tau_s = parameters.tau_membrane_ms, parameters.tau_synapse_ms
    decay_m, decay_s = math.exp(-dt_ms / tau_m), math.exp(-dt_ms / tau_s)
    if math.isclose(tau_m, tau_s, rel_tol=1e-6):
        # The two-exponential form is 0 / 0 here; this is its limit.
        coupling = parameters.resistance_mohm * dt_ms / tau_m * decay_m
    else:
        coupling = parameters.resistance_mohm * tau_s / (tau_m - tau_s) * (decay_m - decay_s)
    return LifPropagators(
        membrane_decay=decay_m,
        current_to_membrane=coupling,
        current_decay=decay_s,
        rest=parameters.rest_mv + parameters.resistance_mohm * parameters.bias_current_na,
        reset=parameters.reset_mv,
        threshold=parameters.threshold_mv,
        refractory_steps=round(parameters.refractory_ms / dt_ms),
    )
