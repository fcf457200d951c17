"""Checkpoints: going on from one gives the same bits; nothing that is not a whole one is taken."""

import hashlib
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
from tests.damage import Damage, encrypted, refusals
from tests.network.networks import controller_spec

SENSOR = (16, 8)


def make_controller(seed: int = 0, code: str = "poisson", **changes) -> Controller:
    encoder = {"code": code, "population": "input", "pooling": {"rows": 1, "columns": 4}}
    if code == "event_driven":
        encoder["events_per_spike"] = 3
    controller = Controller(controller_spec(encoder=encoder, **changes), SafetyLimits(), seed)
    controller.connect_sensor(*SENSOR)
    return controller


def drive(controller: Controller, windows: int) -> list:
    """Windows of random events and errors that depend on time alone; everything that comes out, as bytes."""
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
        answer = controller.step(events, {"error": float(rng.normal())}, placed=bool(rng.random() < 0.1))
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


def as_format_2(arrays, metadata) -> None:
    """The metadata as an earlier version wrote them: one decoder, no signals, and a hash of that description."""
    metadata["format"] = 2
    metadata["control"]["steering"] = metadata["control"].pop("decoder")
    for connection in metadata["spec"]["connections"]:
        del connection["rule"]["signal"]
    text = json.dumps(metadata["spec"], separators=(",", ":"))
    metadata["spec_sha256"] = hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("code", ["poisson", "event_driven"])
def test_going_on_from_a_checkpoint_of_format_2_gives_the_same_bits(tmp_path, code):
    whole = make_controller(code=code)
    drive(whole, 17)
    path = tmp_path / "c.npz"
    save_checkpoint(path, whole)
    rewrite(path, as_format_2)
    resumed = controller_from_checkpoint(path, SafetyLimits())
    assert everything(resumed) == everything(whole)
    restored = make_controller(seed=3, code=code)
    restore_checkpoint(path, restored)
    resumed.connect_sensor(*SENSOR)
    expected = drive(whole, 30)
    assert any(len(spikes) for _, _, spikes, *_ in expected)
    assert drive(resumed, 30) == drive(restored, 30) == expected


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


def everything(controller: Controller) -> tuple:
    """All that a checkpoint sets, to be compared."""
    arrays = {name: array.tobytes() for name, array in controller.network.state().items()}
    return arrays, controller.state(), controller.network.time_us, controller.seed


def assert_refused(path, controller: Controller, expected: str) -> None:
    """Refused in one line that names the file, and the controller is as it was."""
    before = everything(controller)
    with pytest.raises(UserError) as caught:
        restore_checkpoint(path, controller)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message
    assert everything(controller) == before


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
    assert_refused(checkpoint, make_controller(), "expected a checkpoint of SpikeDrive")


@pytest.mark.slow
def test_damage_is_refused_and_changes_nothing_or_is_harmless(checkpoint):
    controller, initial, good = make_controller(), make_controller(), make_controller()
    restore_checkpoint(checkpoint, good)
    before, expected = everything(controller), everything(good)

    def restore():
        restore_checkpoint(checkpoint, controller)
        assert everything(controller) == expected
        controller.set_state(initial.state())
        controller.network.set_state(initial.network.state(), initial.network.time_us)

    refused = 0
    for damaged in Damage(checkpoint.read_bytes(), seed=0).checked(3000):
        refused += refusals(checkpoint, [damaged], restore)
        assert everything(controller) == before
    assert 1500 < refused < 3000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of NumPy and Python, about headers
def test_damage_under_right_checksums_is_refused_and_changes_nothing(checkpoint):
    controller = make_controller()
    refused = 0
    for damaged in Damage(checkpoint.read_bytes(), seed=1).unchecked(2000):
        before = everything(controller)
        is_refused = refusals(checkpoint, [damaged], lambda: restore_checkpoint(checkpoint, controller))
        if is_refused:
            assert everything(controller) == before
        refused += is_refused
    assert 1500 < refused < 2000


def test_a_flag_flipped_in_both_headers_of_a_member_is_refused(checkpoint):
    whole = checkpoint.read_bytes()
    for member, name in enumerate(("metadata", "pending", "populations.motor.state")):
        checkpoint.write_bytes(encrypted(whole, member))
        assert_refused(checkpoint, make_controller(), f"{name}: damaged")


def test_no_pickle_is_loaded(checkpoint):
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], object), allow_pickle=True)
    with zipfile.ZipFile(checkpoint) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["connections.0.u.npy"] = buffer.getvalue()
    with zipfile.ZipFile(checkpoint, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert_refused(checkpoint, make_controller(), "connections.0.u: damaged, or no NumPy array of plain types")


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
    rewrite(checkpoint, lambda arrays, metadata: arrays.update({"connections.0.u": np.full((4, 2), "1")}))
    assert_refused(checkpoint, make_controller(), "connections.0.u is <U1, expected numbers")


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
        (lambda metadata: metadata.pop("format"), "metadata: missing or malformed"),
        (lambda metadata: metadata.pop("control"), "metadata: control: required key is missing"),
        (lambda metadata: metadata.update(seed=-1), "metadata: seed: "),
        (lambda metadata: metadata.update(time_us=1 << 63), "metadata: time_us: "),
        (lambda metadata: metadata.update(time_us=float("inf")), "metadata: time_us: "),
        (lambda metadata: metadata["control"]["encoder"]["rng"].pop("has_uint32"), "encoder and decoder"),
        (lambda metadata: metadata["control"]["encoder"]["rng"]["state"].update(state=-1), "encoder and decoder"),
        (lambda metadata: metadata["control"]["decoder"].__setitem__(0, 10**400), "encoder and decoder"),
        (lambda metadata: metadata["control"].update(decoder=[1.0]), "encoder and decoder"),
        (lambda metadata: metadata["control"].update(encoder={}), "encoder and decoder"),
        (lambda metadata: metadata["control"].update(last=["x", 0.0]), "encoder and decoder"),
    ],
)
def test_malformed_metadata_is_refused(checkpoint, change, expected):
    rewrite(checkpoint, lambda arrays, metadata: change(metadata))
    assert_refused(checkpoint, make_controller(), expected)


def test_a_checkpoint_of_format_2_without_the_state_of_its_decoder_is_refused(checkpoint):
    def change(arrays, metadata):
        as_format_2(arrays, metadata)
        del metadata["control"]["steering"]

    rewrite(checkpoint, change)
    assert_refused(checkpoint, make_controller(), "encoder and decoder")


def test_a_missing_file_and_another_kind_are_refused(tmp_path):
    assert_refused(tmp_path / "none.npz", make_controller(), "no such file; expected a checkpoint")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    assert_refused(tmp_path / "other.npz", make_controller(), "metadata: missing or malformed; expected a checkpoint")
