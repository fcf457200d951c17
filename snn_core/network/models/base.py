"""What a neuron model is to the rest: a description, state variables, and a kernel that advances a population."""

from collections.abc import Callable, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

from pydantic import Field

from snn_core.files import StrictModel
from snn_core.network.compiled import CompiledPart

MAX_NEURONS = 1_000_000

# A population's record, as the kernels of models read it.
SIZE, FIRST, PITCH, PARAMETERS, STATE, INPUT, INPUT_STEPS, SEED, LEARNING = range(9)
"""SIZE: neurons. FIRST: number of the first among all neurons. PITCH: float32 numbers from one state variable, or one
input channel, to the next. PARAMETERS: address of what ``propagators`` gave, float32. STATE: address of (variables,
PITCH) float32. INPUT: address of (INPUT_STEPS, channels, PITCH) float32, what arrives in a step at index step mod
INPUT_STEPS; the kernel clears what it has read. SEED: of the population's random numbers.
LEARNING: 0 holds what the model learns."""
RECORD_SIZE = 9


class PopulationSpec(StrictModel):
    """What every population has. A model's own class adds ``model: Literal[name]`` and ``parameters``.

    model: name of its neuron model. size: number of its neurons.
    """

    model: str
    size: int = Field(ge=1, le=MAX_NEURONS)
    effect: Literal["excitatory", "inhibitory", "mixed"] = Field(
        default="mixed", description="Dale's principle: what its spikes do to others; weights are then magnitudes"
    )


Population = TypeVar("Population", bound=PopulationSpec)


class NeuronModel(NamedTuple, Generic[Population]):
    """A neuron model, as its file gives it by the name ``MODEL``."""

    name: str
    spec: type[Population]
    """The class of its populations' descriptions."""
    variables: tuple[str, ...]
    """State variables of a neuron, each float32."""
    channels: tuple[str, ...]
    """Where weights arrive: ("current",), or ("excitatory", "inhibitory") for models that tell them apart."""
    propagators: Callable[[Population, float], Sequence[float]]
    """(population, dt_ms) -> the numbers that the kernel needs."""
    initial: Callable[[Population], dict[str, float]]
    """(population) -> the state after an endless silence; variables that are left out are 0."""
    advance: CompiledPart
    """kernel(record, step, spikes, count): advance by a step, append the numbers of the neurons that spike to
    ``spikes`` from ``count`` on, and return the new count."""
    learned: tuple[str, ...] = ()
    """State variables that are learnt: they stay when all else comes to rest, and do not change when frozen."""
