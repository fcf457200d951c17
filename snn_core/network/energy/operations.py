"""What a network has computed, counted as a neuromorphic chip would count it."""

from typing import Annotated, NamedTuple

from pydantic import Field

WEIGHT_BYTES = 4
"""A float32."""
MEMORY_BYTE = "memory_byte"
"""In a table: the price of a byte in the memory that holds the state."""
_Count = Annotated[int, Field(ge=0)]


class Operations(NamedTuple):
    """Counts since the network was made, as a neuromorphic chip would count them."""

    steps: _Count
    """Steps of the network."""
    neuron_updates: _Count
    """Neurons times steps, without spike sources."""
    spikes: _Count
    """Of neurons and of inputs."""
    synaptic_events: _Count
    """Weights delivered to a postsynaptic neuron: one for each synapse of a row whose neuron spiked."""
    learning_updates: _Count
    """Synapses whose weight or eligibility the rule has read and written."""
    memory_bytes: _Count
    """Bytes of synapse memory that were read and written."""

    def since(self, earlier: "Operations") -> "Operations":
        """What has been computed since ``earlier``, counts of the same network."""
        return Operations(*(now - before for now, before in zip(self, earlier, strict=True)))


KINDS = Operations._fields[1:]
"""The kinds of operation that take energy."""


class NetworkSize(NamedTuple):
    """How large a network is."""

    synapses: _Count
    state_bytes: _Count
    """Memory that its arrays take: the sum of ``Network.memory()``."""


class DenseOperations(NamedTuple):
    """What a dense network computes."""

    multiply_accumulates: int
    memory_bytes: int
    """Bytes of weights that are read."""


def dense_operations(size: NetworkSize, steps: int) -> DenseOperations:
    """What a dense (not spiking, clock-driven) network with the same synapses needs in ``steps`` of the same length.

    In every step each synapse costs a multiply-accumulate in float32 and the fetch of its weight from memory, whatever
    the input. Nothing is counted for activation functions, activations' memory or learning, so the comparison leans
    towards the dense network in these. It leans the other way in that a dense network need not run in every step.
    """
    multiply_accumulates = size.synapses * steps
    return DenseOperations(multiply_accumulates, WEIGHT_BYTES * multiply_accumulates)
