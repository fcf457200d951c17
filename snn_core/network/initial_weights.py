"""Initial weights that are drawn from a distribution or read from a file."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.errors import UserError
from snn_core.files import StrictModel
from snn_core.network.array_files import finite, read_arrays


class NormalWeights(StrictModel):
    """Initial weights from a normal distribution; those beyond the connection's bounds are put on the bound."""

    distribution: Literal["normal"]
    mean_na: float
    std_na: float = Field(ge=0, description="standard deviation before the bounds, nA")


class LogNormalWeights(StrictModel):
    """Initial weights median_na exp(sigma z) with z from a standard normal distribution; a negative median is
    inhibitory.

    The fit of cortical synapses by Song et al. (2005, PLoS Biol. 3, e68). Those beyond the connection's bounds are put
    on the bound.
    """

    distribution: Literal["lognormal"]
    median_na: float
    sigma: float = Field(ge=0, description="standard deviation of the weight's natural logarithm")


class FileWeights(StrictModel):
    """Initial weights (nA) of a .npz file: array ``weights``, one for each synapse, by presynaptic neuron and, for each
    of these, by postsynaptic neuron.
    """

    distribution: Literal["file"]
    path: Path


def draw_weights(
    weights: NormalWeights | LogNormalWeights | FileWeights,
    n: int,
    rng: np.random.Generator,
    low: float = -np.inf,
    high: float = np.inf,
) -> NDArray[np.float32]:
    """Initial weights, shape (n,), nA. low, high: bounds, both included, nA.

    Raises UserError, naming the file and its key, for weights of a file that cannot be read, are not n finite numbers
    or lie beyond the bounds. Raises ValueError when low exceeds high.
    """
    if not low <= high:
        raise ValueError(f"low must not exceed high ({high}), found {low}")
    if isinstance(weights, FileWeights):
        return _read(weights.path, n, low, high)
    drawn = rng.standard_normal(n)
    if isinstance(weights, NormalWeights):
        drawn *= weights.std_na
        drawn += weights.mean_na
    else:
        drawn *= weights.sigma
        np.exp(drawn, out=drawn)
        drawn *= weights.median_na
    return np.clip(drawn, low, high, out=drawn).astype(np.float32)


def _read(path: Path, n: int, low: float, high: float) -> NDArray[np.float32]:
    weights = finite(path, "weights", read_arrays(path, ("weights",))["weights"])
    if weights.size != n:
        raise UserError(f"{path}: weights: expected a weight for each of the {n} synapses, found {weights.size}")
    beyond = np.flatnonzero((weights < np.float32(low)) | (weights > np.float32(high)))
    if beyond.size:
        first = beyond[0]
        raise UserError(f"{path}: weights[{first}]: must lie in [{low:g}, {high:g}] nA, found {weights[first]:g}")
    return weights
