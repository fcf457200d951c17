"""Reward-modulated STDP with eligibility traces, after Izhikevich (2007) and Bing et al. (2018).

    dx_pre/dt  = -x_pre / tau_plus      + 1 at each presynaptic spike
    dx_post/dt = -x_post / tau_minus    + 1 at each postsynaptic spike
    dc/dt      = -c / tau_eligibility   + A_plus x_pre at each postsynaptic spike - A_minus x_post at each presynaptic
    dn_j/dt    = -n_j / tau_reward,     n_j := reward_j when a window begins
    dw/dt      = learning_rate c n_j

for every synapse i -> j (all pairs of spikes count). Times are in ms, the learning rate in nA per ms. Between spikes c
and n decay exponentially, so a step's change of weight has the closed form c n learning_rate tau (1 - exp(-dt / tau)),
1 / tau = 1 / tau_eligibility + 1 / tau_reward.

Within a step: traces decay, spikes arrive (they read w and x_post, then raise x_pre), neurons spike (they read x_pre,
then raise x_post), weights change. A weight is clipped to [0, w_max] whenever a presynaptic spike reads it. It is also
clipped in its row's periodic update, before the arrivals: row i is due in steps with step mod 100 = i mod 100.

E. M. Izhikevich (2007), Cerebral Cortex 17:2443. Z. Bing et al. (2018), ICRA, "End to end learning of spiking neural
network based on R-STDP for a lane keeping vehicle".
"""

import math
from typing import Literal

from pydantic import Field

from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.network.rules.r_stdp_dense import DenseRStdp
from snn_core.network.rules.r_stdp_slots import RStdpPropagators
from snn_core.network.rules.r_stdp_sparse import SparseRStdp
from snn_core.network.synapses import Synapses, Wiring


class RewardModulatedStdp(RuleSpec):
    """R-STDP with eligibility traces; see ``snn_core.network.rules.r_stdp``."""

    name: Literal["r_stdp"] = "r_stdp"  # type: ignore[assignment]
    learning_rate_per_ms: float = Field(ge=0, description="nA per ms at an eligibility and a reward of 1")
    w_max_na: float = Field(gt=0, description="weights are clipped to [0, w_max_na]")
    a_plus: float = Field(default=1.0, ge=0)
    a_minus: float = Field(default=1.0, ge=0)
    tau_plus_ms: float = Field(default=20.0, gt=0)
    tau_minus_ms: float = Field(default=20.0, gt=0)
    tau_eligibility_ms: float = Field(default=1000.0, gt=0)
    tau_reward_ms: float | None = Field(default=200.0, gt=0, description="null: the reward holds until the next window")

    def bounds(self) -> tuple[float, float]:
        return 0.0, self.w_max_na


def r_stdp_propagators(rule: RewardModulatedStdp, dt_ms: float) -> RStdpPropagators:
    """The exact propagators of a step of ``dt_ms``."""
    rate = 1.0 / rule.tau_eligibility_ms + (1.0 / rule.tau_reward_ms if rule.tau_reward_ms else 0.0)
    return RStdpPropagators(
        pre_decay=math.exp(-dt_ms / rule.tau_plus_ms),
        post_decay=math.exp(-dt_ms / rule.tau_minus_ms),
        eligibility_decay=math.exp(-dt_ms / rule.tau_eligibility_ms),
        reward_decay=math.exp(-dt_ms / rule.tau_reward_ms) if rule.tau_reward_ms else 1.0,
        a_plus=rule.a_plus,
        a_minus=rule.a_minus,
        gain=rule.learning_rate_per_ms * -math.expm1(-dt_ms * rate) / rate,
        w_max=rule.w_max_na,
    )


def _connect(wiring: Wiring) -> Synapses:
    propagators = r_stdp_propagators(wiring.rule, wiring.dt_ms)
    return DenseRStdp(wiring, propagators) if wiring.rows is None else SparseRStdp(wiring, propagators)


RULE = Rule(name="r_stdp", spec=RewardModulatedStdp, connect=_connect)
