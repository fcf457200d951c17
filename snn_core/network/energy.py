"""Operations and what they cost in energy."""

from typing import NamedTuple


class Operations(NamedTuple):
    """Counts since the network was made."""

    steps: int
    neuron_updates: int
    spikes: int
    synaptic_events: int
    learning_updates: int
    memory_bytes: int
