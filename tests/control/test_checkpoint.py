"""Checkpoints: going on from one gives the same bits; nothing that is not a whole one is taken."""

import io
import json
import zipfile

import numpy as np
import pytest

from snn_core.control.checkpoint import (
    controller_from_checkpoint,
    read_checkpoint,
    restore_checkpoint,
    save_checkpoint,
)
from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.network.spec import NetworkSpec
from tests.network.networks import description

SENSOR = (16, 8)


def make_controller(seed: int = 0, code: str = "poisson", **changes) -> Controller:
    encoder = {"code": code, "population": "input", "pooling": {"rows": 1, "columns": 4}}
    if code == "event_driven":
        encoder["events_per_spike"] = 3
    spec = NetworkSpec.model_validate(description(encoder=encoder, **changes))
    controller = Controller(spec, SafetyLimits(), seed)
    controller.connect_sensor(*SENSOR)
    return controller


def drive(controller: Controller, windows: int) -> list:
    """Windows of random events and rewards that depend on time alone; everything that comes out, as bytes."""
    out = []
    for _ in range(windows):
        begin = controller.network.time_us
        rng = np.random.default_rng(begin)
        n = 80
        events = Events(
            np.sort(rng.integers(begin, begin + 50_000, n)),
            rng.integers(0, SENSOR[0], n).astype(np.uint16),
            rng.integers(0, SENSOR[1], n).astype(np.uint16),
            rng.integers(0, 2, n).astype(np.uint8),
        )
        answer = controller.step(events, rng.normal(size=2), placed=bool(rng.random() < 0.1))
        out.append((answer.end_us, answer.command, *(array.tobytes() for array in answer.spikes)))
    return out


@pytest.mark.parametrize("code", ["poisson", "event_driven"])
def test_going_on_from_a_checkpoint_gives_the_same_bits(tmp_path, code):
    whole = make_controller(code=code)
    drive(whole, 17)
    save_checkpoint(tmp_path / "c.npz", whole)
    expected = drive(whole, 30)
    assert any(len(spikes) for _, _, spikes, *_ in expected)

    resumed = controller_from_checkpoint(tmp_path / "c.npz", SafetyLimits())
    resumed.connect_sensor(*SENSOR)
    assert drive(resumed, 30) == expected
    for name, array in whole.network.state().items():
        np.testing.assert_array_equal(resumed.network.state()[name], array)


def test_a_copy_shares_nothing_and_goes_on_alike():
    controller = make_controller()
    drive(controller, 5)
    copy = controller.copy()
    copy.connect_sensor(*SENSOR)
    expected = drive(controller, 10)
    assert drive(copy, 10) == expected


def test_saving_replaces_the_file_whole(tmp_path):
    path = tmp_path / "c.npz"
    controller = make_controller()
    save_checkpoint(path, controller)
    drive(controller, 3)
    save_checkpoint(path, controller)
    assert read_checkpoint(path).time_us == 150_000
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"missing.*cannot be written"):
        save_checkpoint(tmp_path / "missing" / "c.npz", make_controller())


def assert_refused(path, controller: Controller, expected: str) -> None:
    """Refused in one line that names the file, and the controller is as it was."""
    before = {name: array.copy() for name, array in controller.network.state().items()}
    state, time_us = controller.state(), controller.network.time_us
    with pytest.raises(UserError) as caught:
        restore_checkpoint(path, controller)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message
    for name, array in controller.network.state().items():
        np.testing.assert_array_equal(array, before[name])
    assert (controller.state(), controller.network.time_us) == (state, time_us)


@pytest.fixture
def checkpoint(tmp_path):
    """A good checkpoint after some windows."""
    controller = make_controller()
    drive(controller, 5)
    path = tmp_path / "c.npz"
    save_checkpoint(path, controller)
    return path


def rewrite(path, change) -> None:
    """Change the arrays of a checkpoint in place; metadata is given and taken as a dictionary."""
    with np.load(path) as archive:
        arrays = dict(archive)
    metadata = json.loads(str(arrays["metadata"]))
    change(arrays, metadata)
    arrays["metadata"] = np.array(json.dumps(metadata))
    np.savez(path, **arrays)


@pytest.mark.parametrize("length", [0, 1, 10, 500, -1, -100])
def test_a_cut_file_is_refused(checkpoint, length):
    checkpoint.write_bytes(checkpoint.read_bytes()[:length])
    assert_refused(checkpoint, make_controller(), "not a whole checkpoint")


def test_a_flipped_bit_is_refused_or_harmless(checkpoint):
    content = checkpoint.read_bytes()
    controller = make_controller()
    restore_checkpoint(checkpoint, controller)
    expected = {name: array.copy() for name, array in controller.network.state().items()}
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        broken = bytearray(content)
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        checkpoint.write_bytes(broken)
        controller = make_controller()
        try:
            restore_checkpoint(checkpoint, controller)
        except UserError:
            refused += 1
        else:
            for name, array in controller.network.state().items():
                np.testing.assert_array_equal(array, expected[name])
    assert refused > 100


def test_no_pickle_is_loaded(checkpoint):
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], object), allow_pickle=True)
    with zipfile.ZipFile(checkpoint) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["connections.0.u.npy"] = buffer.getvalue()
    with zipfile.ZipFile(checkpoint, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert_refused(checkpoint, make_controller(), "not a whole checkpoint")


@pytest.mark.parametrize("name", ["connections.0.u", "populations.motor.state", "connections.0.a"])
def test_numbers_that_are_not_finite_are_refused(checkpoint, name):
    def spoil(arrays, metadata):
        arrays[name][0] = np.nan

    rewrite(checkpoint, spoil)
    assert_refused(checkpoint, make_controller(), f"{name} holds a number that is not finite")


def test_a_wrong_shape_or_type_is_refused(checkpoint):
    rewrite(checkpoint, lambda arrays, metadata: arrays.update({"connections.0.u": arrays["connections.0.u"][:-1]}))
    assert_refused(checkpoint, make_controller(), "connections.0.u is float32 (3, 2), expected float32 (4, 2)")
    rewrite(checkpoint, lambda arrays, metadata: arrays.update({"connections.0.u": np.zeros((4, 2))}))
    assert_refused(checkpoint, make_controller(), "connections.0.u is float64")


def test_another_description_is_refused(checkpoint):
    assert_refused(checkpoint, make_controller(name="other"), "expected 'other'")


def test_a_description_changed_in_the_file_is_refused(checkpoint):
    def change(arrays, metadata):
        metadata["spec"]["decoder"]["n_max"] = 3

    rewrite(checkpoint, change)
    assert_refused(checkpoint, make_controller(), "spec_sha256")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda metadata: metadata.update(format=99), "format 99"),
        (lambda metadata: metadata.pop("control"), "not a whole checkpoint"),
        (lambda metadata: metadata["control"].update(steering=[1.0]), "encoder and decoder"),
        (lambda metadata: metadata["control"].update(encoder={}), "encoder and decoder"),
        (lambda metadata: metadata["control"].update(last=["x", 0.0]), "encoder and decoder"),
    ],
)
def test_malformed_metadata_is_refused(checkpoint, change, expected):
    rewrite(checkpoint, lambda arrays, metadata: change(metadata))
    assert_refused(checkpoint, make_controller(), expected)


def test_a_missing_file_and_another_kind_are_refused(tmp_path):
    assert_refused(tmp_path / "none.npz", make_controller(), "no such checkpoint")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    assert_refused(tmp_path / "other.npz", make_controller(), "not a whole checkpoint")
