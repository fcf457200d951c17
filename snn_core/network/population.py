"""The state of one population of neurons, in the layout that its model's kernel reads."""

import numpy as np

from snn_core.network.compiled import aligned
from snn_core.network.models import MODELS
from snn_core.network.models.base import (
    FIRST,
    INPUT,
    INPUT_STEPS,
    LEARNING,
    PARAMETERS,
    PITCH,
    RECORD_SIZE,
    SEED,
    SIZE,
    STATE,
    PopulationSpec,
)
from snn_core.network.synapses import VECTOR


class PopulationState:
    """State variables of a population and what is on its way to it.

    ``state`` is (variables, size) float32; ``input`` is (steps, channels, size) float32, what arrives in a step at
    index step mod steps.
    """

    def __init__(self, spec: PopulationSpec, first: int, input_steps: int, dt_ms: float, seed: int) -> None:
        self.spec, self.model = spec, MODELS[spec.model]
        pitch = -(-spec.size // VECTOR) * VECTOR
        state = aligned((len(self.model.variables), pitch))
        inputs = aligned((input_steps, max(len(self.model.channels), 1), pitch))
        self.state, self.input = state[:, : spec.size], inputs[:, :, : spec.size]
        self._parameters = np.array(self.model.propagators(spec, dt_ms), np.float32)
        self.record = aligned(RECORD_SIZE, np.int64)
        r = self.record
        r[SIZE], r[FIRST], r[PITCH], r[SEED] = spec.size, first, pitch, seed
        r[STATE], r[INPUT], r[INPUT_STEPS] = state.ctypes.data, inputs.ctypes.data, input_steps
        r[PARAMETERS], r[LEARNING] = self._parameters.ctypes.data, 1
        self.rest()

    def rest(self) -> None:
        """As after an endless silence, but for what has been learnt."""
        initial = self.model.initial(self.spec)
        self.input[:] = 0
        for place, variable in enumerate(self.model.variables):
            if variable not in self.model.learned:
                self.state[place] = initial.get(variable, 0.0)

    def variables(self) -> dict[str, np.ndarray]:
        """(size,) float32 views of the state variables by name."""
        return dict(zip(self.model.variables, self.state, strict=True))
