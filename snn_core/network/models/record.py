"""A population's record as arrays, for the kernels of models."""

from numba import njit

from snn_core.network.compiled import carray, float32_pointer
from snn_core.network.models.base import INPUT, INPUT_STEPS, PARAMETERS, PITCH, STATE

BLOCK = 64
"""Neurons in which a kernel looks for spikes together: most blocks have none."""


@njit(cache=True, nogil=True)
def unpack(record, step, parameters, variables, channels):
    """What a model's kernel works on, float32: the (parameters,) that ``propagators`` gave, the (variables, PITCH)
    state, and the (channels, PITCH) that arrive in ``step``.
    """
    pitch, steps = record[PITCH], record[INPUT_STEPS]
    numbers = carray(float32_pointer(record[PARAMETERS]), (parameters,))
    state = carray(float32_pointer(record[STATE]), (variables, pitch))
    arriving = carray(float32_pointer(record[INPUT]), (steps, channels, pitch))[step % steps]
    return numbers, state, arriving
