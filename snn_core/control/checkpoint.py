"""A controller's whole state in one file: going on from it gives the same spikes as never having stopped.

The file is a NumPy .npz archive: the network's arrays, and ``metadata``. That is a JSON text with the description, its
hash, the time, the seed and the state of encoder and decoder. The file holds no pickled objects.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, JsonValue

from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.control.spec import ControllerSpec, load_controller_spec
from snn_core.errors import UserError
from snn_core.files import StrictModel, validate, write_atomically
from snn_core.network.network import Network
from snn_core.npz import read_json, read_npz

FORMAT = 3
_OLDER_FORMAT = 2
"""With the state of differential steering, the only decoder, as ``steering``; its hash was of another description."""
_EXPECTED = "a checkpoint of SpikeDrive (a .npz that `spikedrive train` wrote)"


class _Metadata(StrictModel):
    """What a checkpoint says beside the network's arrays."""

    format: int
    spec: dict[str, JsonValue]
    spec_sha256: str
    seed: int = Field(ge=0, lt=1 << 63)
    time_us: int = Field(gt=-(1 << 62), lt=1 << 62)
    """Of either sign, and so far from the ends of int64 that a drive can go on."""
    control: dict[str, JsonValue]


class Checkpoint(NamedTuple):
    """A checkpoint file that was read and found whole."""

    spec: ControllerSpec
    seed: int
    time_us: int
    arrays: dict[str, np.ndarray]
    control: dict[str, JsonValue]


def save_checkpoint(path: Path, controller: Controller) -> None:
    """Write the state of ``controller``, whole or not at all. Raises UserError when ``path`` cannot be written."""
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
    """Read a checkpoint. Raises UserError for a file that is missing, cut, damaged, of another kind or holds a number
    that is not finite.
    """
    arrays = read_npz(path, _EXPECTED)
    metadata = _read_metadata(path, arrays.pop("metadata", None))
    spec = validate(ControllerSpec, metadata.spec, str(path))
    control = dict(metadata.control)
    if metadata.format == _OLDER_FORMAT:
        control["decoder"] = control.get("steering")
    elif spec.sha256() != metadata.spec_sha256:
        raise UserError(
            f"{path}: spec_sha256 does not match the description in the file; it was changed by hand or damaged"
        )
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise UserError(f"{path}: {name} is {array.dtype}, expected numbers")
        if not np.isfinite(array).all():
            raise UserError(f"{path}: {name} holds a number that is not finite; the checkpoint is of no use")
    return Checkpoint(spec, metadata.seed, metadata.time_us, arrays, control)


def _read_metadata(path: Path, text: np.ndarray | None) -> _Metadata:
    try:
        data = read_json(text)
        version = data["format"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: metadata: missing or malformed; expected {_EXPECTED}") from error
    if version not in (_OLDER_FORMAT, FORMAT):
        readable = f"{_OLDER_FORMAT} and {FORMAT}"
        raise UserError(f"{path}: metadata: format {version!r}, this version reads {readable}; train again")
    return validate(_Metadata, data, f"{path}: metadata")


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
    before = controller.state()
    try:
        controller.set_state(checkpoint.control)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        controller.set_state(before)  # NumPy leaves a random generator with a part of a malformed state
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: the state of encoder and decoder does not fit the network: {said}") from error
    network.set_state(checkpoint.arrays, checkpoint.time_us)
    controller.seed = checkpoint.seed


def controller_from_checkpoint(path: str | Path, limits: SafetyLimits | None = None) -> Controller:
    """A new controller with the description and the state of a checkpoint.

    path: of the checkpoint (.npz). limits: of what the robot may be told to do; None: the defaults. Raises UserError
    for a file that is missing, damaged or no checkpoint.
    """
    path = Path(path)
    checkpoint = read_checkpoint(path)
    controller = Controller(checkpoint.spec, limits, checkpoint.seed)
    restore_checkpoint(path, controller)
    return controller


def load_network(path_or_name: str | Path, seed: int = 0) -> Network:
    """A network: of a shipped description, of a .yaml file, or that of a checkpoint (.npz) as it was.

    path_or_name: name of the description, or path of a file. seed: of synapses and initial weights that a description
    leaves to chance. Raises UserError for a file that is missing or cannot be used.
    """
    path = Path(path_or_name)
    if path.suffix != ".npz":
        return Network(load_controller_spec(str(path_or_name)), seed)
    checkpoint = read_checkpoint(path)
    network = Network(checkpoint.spec, checkpoint.seed)
    try:
        network.set_state(checkpoint.arrays, checkpoint.time_us)
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: {error}; the checkpoint is not whole") from error
    return network
