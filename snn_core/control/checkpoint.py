"""A controller's whole state in one file: going on from it gives the same spikes as never having stopped.

The file is a NumPy .npz archive: the network's arrays, and ``metadata``, a JSON text with the description, its hash,
the time, the seed and the state of encoder and decoder. It holds no pickled objects.
"""

import json
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.errors import UserError
from snn_core.files import validate, write_atomically
from snn_core.network.spec import NetworkSpec

FORMAT = 2
_MALFORMED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    SyntaxError,  # NumPy evaluates the header of an array
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)


class Checkpoint(NamedTuple):
    """A checkpoint file that was read and found whole."""

    spec: NetworkSpec
    seed: int
    time_us: int
    arrays: dict[str, np.ndarray]
    control: dict[str, Any]


def save_checkpoint(path: Path, controller: Controller) -> None:
    """Write the controller's state, whole or not at all. Raises UserError when ``path`` cannot be written."""
    metadata = {
        "format": FORMAT,
        "spec": controller.spec.model_dump(mode="json"),
        "spec_sha256": controller.spec.sha256(),
        "seed": controller.seed,
        "time_us": controller.network.time_us,
        "control": controller.state(),
    }
    arrays: dict[str, Any] = {"metadata": np.array(json.dumps(metadata)), **controller.network.state()}
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises UserError for a file that is missing, cut, of another kind or holds a number that is
    not finite.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        metadata = json.loads(str(arrays.pop("metadata")[()]))
        version = metadata["format"]
        spec_data, sha256 = metadata["spec"], metadata["spec_sha256"]
        seed, time_us, control = int(metadata["seed"]), int(metadata["time_us"]), dict(metadata["control"])
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such checkpoint") from error
    except _MALFORMED as error:
        raise UserError(
            f"{path}: not a whole checkpoint of SpikeDrive (an .npz that `spikedrive train` wrote)"
        ) from error
    if version != FORMAT:
        raise UserError(f"{path}: format {version!r}, this version reads {FORMAT}; train anew")
    spec = validate(NetworkSpec, spec_data, str(path))
    if spec.sha256() != sha256:
        raise UserError(
            f"{path}: spec_sha256 does not match the description in the file; it was changed by hand or damaged"
        )
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UserError(f"{path}: {name} holds a number that is not finite; the checkpoint is of no use")
    return Checkpoint(spec, seed, time_us, arrays, control)


def restore_checkpoint(path: Path, controller: Controller) -> None:
    """Read a checkpoint into a controller of the same description.

    Raises:
        UserError: as ``read_checkpoint``, or for another description or shape; the controller is then as it was.
    """
    checkpoint = read_checkpoint(path)
    if checkpoint.spec.sha256() != controller.spec.sha256():
        raise UserError(
            f"{path}: holds network {checkpoint.spec.name!r} ({checkpoint.spec.sha256()[:12]}), expected "
            f"{controller.spec.name!r} ({controller.spec.sha256()[:12]}) with the same description"
        )
    network = controller.network
    for name, array in network.state().items():
        if name not in checkpoint.arrays:
            raise UserError(f"{path}: {name} is missing; the checkpoint is not whole")
        found = checkpoint.arrays[name]
        if found.shape != array.shape or found.dtype != array.dtype:
            raise UserError(f"{path}: {name} is {found.dtype} {found.shape}, expected {array.dtype} {array.shape}")
    try:
        controller.set_state(checkpoint.control)
    except _MALFORMED as error:
        raise UserError(f"{path}: the state of encoder and decoder does not fit the network: {error}") from error
    network.set_state(checkpoint.arrays, checkpoint.time_us)
    controller.seed = checkpoint.seed


def controller_from_checkpoint(path: Path, limits: SafetyLimits) -> Controller:
    """A new controller with the description and the state of a checkpoint. Raises UserError."""
    checkpoint = read_checkpoint(path)
    controller = Controller(checkpoint.spec, limits, checkpoint.seed)
    restore_checkpoint(path, controller)
    return controller
