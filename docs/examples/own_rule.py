"""A learning rule of one's own, fatigue: synapses weaken with use and recover; weights at three rates of input."""

from typing import Literal

import matplotlib.pyplot as plt

import snn_core  # its names are loaded at their first use: register a rule before the first network
from snn_core.network import compiled, rules
from snn_core.network import synapses as s


class Fatigue(snn_core.RuleSpec):
    name: Literal["fatigue"]
    use: float

    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0


@compiled.kernel
def tire(record, step, rows, count):
    begin, weights = compiled.int64_pointer(record[s.ROW_BEGIN]), compiled.float32_pointer(record[s.WEIGHTS])
    for k in range(begin[record[s.N_PRE]] * record[s.LEARNING]):
        weights[k] += 0.001 * (1.0 - weights[k])
    for n in range(count * record[s.LEARNING]):
        for k in range(begin[rows[n]], begin[rows[n] + 1]):
            weights[k] *= 1.0 - compiled.float32_pointer(record[s.PARAMETERS])[0]
    return 0


rules.RULES["fatigue"] = snn_core.Rule("fatigue", Fatigue, lambda w: rules.plain.PlainRule(w, [w.rule.use], tire, None))
network, weights = snn_core.load_network(__file__.replace(".py", ".yaml")), []
for _ in range(1000):
    network.advance(10, [0] * 11, [])
    weights.append([network.connection_weights(connection)[0] for connection in range(3)])
plt.rcParams.update({"svg.hashsalt": "spikedrive", "figure.figsize": (7.0, 2.8), "figure.constrained_layout.use": True})
plt.plot([0.01 * n for n in range(1000)], weights)
plt.gca().set(xlabel="time (s)", ylabel="weight (nA)", title="inputs of 2 Hz (blue), 10 Hz (orange), 50 Hz (green)")
plt.savefig(__file__.replace(".py", ".svg"), metadata={"Date": None})
