"""The triplet rule's dependence on frequency: Pfister and Gerstner (2006), after the data of Sjoestroem et al. (2001).

Sixty pairs of spikes, pre before post by 10 ms or after it, at a fixed frequency. A pair rule would give the same
change at every frequency as long as pairs do not overlap; in the slice, and with the triplet rule, depression turns
into potentiation. The rule has the authors' parameters for visual cortex, minimal models; nothing is fitted here.
"""

from pathlib import Path

import numpy as np

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

FREQUENCIES_HZ = (0.1, 10.0, 20.0, 40.0, 50.0)
# Relative changes and their standard errors, Sjoestroem, Turrigiano and Nelson (2001), Neuron 32:1149.
MEASURED = {10: (-0.04, 0.14, 0.29, 0.53, 0.56), -10: (-0.29, -0.41, -0.34, 0.56, 0.75)}
ERRORS = {10: (0.05, 0.10, 0.14, 0.11, 0.26), -10: (0.08, 0.11, 0.10, 0.32, 0.19)}
PAIRS, START_NA = 60, 1.0


def network(preset: str) -> Network:
    """One synapse with the triplet rule, and a driver that makes its postsynaptic neuron spike in its own step."""
    cell = {"model": "lif", "size": 1, "parameters": {"tau_synapse_ms": 0.05, "refractory_ms": 0.0}}
    spec = {
        "name": "triplet",
        "populations": {
            "pre": {"model": "spike_source", "size": 1},
            "driver": {"model": "spike_source", "size": 1},
            "post": cell,
        },
        "connections": [
            {
                "pre": "pre",
                "post": "post",
                "weights": {"distribution": "constant", "value_na": START_NA},
                "rule": {"name": "triplet_stdp", "w_max_na": 10.0, "w_scale_na": START_NA, "preset": preset},
            },
            {"pre": "driver", "post": "post", "weights": {"distribution": "constant", "value_na": 1e5}},
        ],
    }
    return Network(NetworkSpec.model_validate(spec), 0)


def weight_change(frequency_hz: float, gap_ms: int, preset: str = "visual_cortex", pairs: int = PAIRS) -> float:
    """Relative change of the weight after ``pairs`` pairs; gap_ms: post minus pre."""
    period = round(1000 / frequency_hz)
    first = np.arange(pairs) * period
    pre, post = (first, first + gap_ms) if gap_ms > 0 else (first - gap_ms, first)
    spikes = sorted([(int(step), 0) for step in pre] + [(int(step), 1) for step in post])
    net, at = network(preset), 0
    for step, neuron in spikes:
        silence = step - at
        net.advance(silence, np.zeros(silence + 1, np.int64), np.empty(0, np.int32))
        net.advance(1, np.array([0, 1]), np.array([neuron], np.int32))
        at = step + 1
    return float(net.connection_weights(0)[0]) / START_NA - 1


def main() -> None:
    """Draw the rule's changes over the measured ones."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "spikedrive"
    figure, axes = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
    for gap, colour, label in ((10, "#1f6fb4", "pre 10 ms before post"), (-10, "#c8502d", "post 10 ms before pre")):
        smooth = 1000 / np.concatenate(
            [[10_000, 500, 250, 160, 125, 100, 80, 65, 55, 50, 45, 40], np.arange(36, 19, -2)]
        )
        axes.plot(smooth, [weight_change(hz, gap) for hz in smooth], color=colour, label=label)
        nearest = [weight_change(hz, gap, "visual_cortex_nearest") for hz in smooth]
        axes.plot(smooth, nearest, color=colour, lw=1.0, ls="--")
        axes.errorbar(FREQUENCIES_HZ, MEASURED[gap], ERRORS[gap], fmt="o", color=colour, capsize=3)
    axes.axhline(0, color="0.7", lw=0.8)
    axes.set(xlabel="frequency of the pairs (Hz)", ylabel="relative change of the weight")
    axes.set_title("Triplet rule: all (—), nearest spikes (- -). Points: Sjöström et al. 2001", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
