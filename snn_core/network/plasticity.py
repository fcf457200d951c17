"""Reward-modulated STDP with eligibility traces, after Izhikevich (2007) and Bing et al. (2018).

    dx_pre/dt  = -x_pre / tau_plus      + 1 at each presynaptic spike
    dx_post/dt = -x_post / tau_minus    + 1 at each postsynaptic spike
    dc/dt      = -c / tau_eligibility   + A_plus x_pre at each postsynaptic spike - A_minus x_post at each presynaptic
    one dn_j/dt    = -n_j / tau_reward,     n_j := reward_j when a window begins
    dw/dt      = learning_rate c n_j,   0 <= w <= w_max

for every synapse i -> j (all pairs of spikes count). Times are in ms, the learning rate in nA per ms. Between spikes c
and n decay exponentially, so a step's change of weight has the closed form c n learning_rate tau (1 - exp(-dt / tau)),
1 / tau = 1 / tau_eligibility + 1 / tau_reward.

E. M. Izhikevich (2007), Cerebral Cortex 17:2443. Z. Bing et al. (2018), ICRA, "End to end learning of spiking neural
network based on R-STDP for a lane keeping vehicle".
"""

import math
from typing import NamedTuple

from snn_core.network.spec import Connection


class StdpPropagators(NamedTuple):
    """What one step does to a plastic connection, all float32. ``gain`` is nA per unit of c n."""

    pre_decay: float
    post_decay: float
    eligibility_decay: float
    reward_decay: float
    a_plus: float
    a_minus: float
    gain: float
    w_max: float


def stdp_propagators(connection: Connection, dt_ms: float) -> StdpPropagators:
    """The exact propagators of a step of ``dt_ms``; neutral ones for a connection without a rule."""
    rule = connection.rule
    if rule is None:
        return StdpPropagators(1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, math.inf)
    rate = 1.0 / rule.tau_eligibility_ms + (1.0 / rule.tau_reward_ms if rule.tau_reward_ms else 0.0)
    return StdpPropagators(
        pre_decay=math.exp(-dt_ms / rule.tau_plus_ms),
        post_decay=math.exp(-dt_ms / rule.tau_minus_ms),
        eligibility_decay=math.exp(-dt_ms / rule.tau_eligibility_ms),
        reward_decay=math.exp(-dt_ms / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        a_plus=rule.a_plus,
        a_minus=rule.a_minus,
        gain=rule.learning_rate_per_ms * -math.expm1(-dt_ms * rate) / rate,
        w_max=rule.w_max_na,
    )
