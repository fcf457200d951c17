"""Cameras of Prophesee: their words as neuromorphic-drivers hands them over, in pieces and with losses.

No camera is here: see live_devices.py. The rest, from the list of devices on, is the library.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import neuromorphic_drivers as nd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.live.camera import CameraUnavailableError, RawData
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.events.live.prophesee import Evt3Camera, check_bounds, checked_biases, open_prophesee, split_at_losses
from tests.events.live.live_devices import Device, transfers_of
from tests.events.streams import encode_evt3, evt3_words, random_events, read_raw


def read_all(camera: Evt3Camera) -> list[RawData]:
    """Every piece until the camera is unplugged."""
    pieces = []
    while True:
        try:
            piece = camera.next_batch()
        except CameraUnavailableError:
            return pieces
        if piece is not None:
            pieces.append(piece)


def decode(pieces: list[RawData]) -> Events:
    decoder = make_decoder("evt3", 1280, 720)
    return Events.concatenate([decoder.decode(piece.data) for piece in pieces])


def test_words_go_out_as_they_come() -> None:
    events = random_events(np.random.default_rng(0), 3000, 1280, 720)
    camera = Evt3Camera(Device(transfers_of(encode_evt3(events), 1001)))
    assert (camera.name, camera.width, camera.height) == ("Prophesee EVK4 00050E5A", 1280, 720)
    assert (camera.encoding, camera.is_connected(), camera.losses) == ("evt3", True, 0)
    pieces = read_all(camera)
    assert b"".join(piece.data for piece in pieces) == encode_evt3(events)
    assert not any(piece.after_loss for piece in pieces)
    assert decode(pieces).equals(events)


@pytest.mark.recordings
def test_words_of_a_real_camera(recordings: Path) -> None:
    data = read_raw(recordings / "prophesee_gen41_evt3.raw")
    events = decode(read_all(Evt3Camera(Device(transfers_of(data, 16_384)))))
    assert (len(events), int(events.polarity.sum())) == (219_596, 115_532)
    assert (int(events.x.sum(dtype=np.int64)), int(events.y.sum(dtype=np.int64))) == (159_113_225, 85_638_051)
    assert (int(events.t[0]), int(events.t[-1])) == (11_718_656, 11_727_467)


def test_a_camera_that_is_unplugged_is_said_in_one_line() -> None:
    with pytest.raises(CameraUnavailableError, match=r"^Prophesee EVK4 00050E5A: PropheseeEvk4\(.*NoDevice\)\)\)$"):
        Evt3Camera(Device([])).next_batch()


def test_closing_gives_the_camera_back_once() -> None:
    device = Device(transfers_of(evt3_words(0x8000), 2))
    camera = Evt3Camera(device)
    camera.close()
    camera.close()
    assert device.closed == 1
    assert not camera.is_connected()
    assert camera.next_batch() is None


def test_losses_are_told_where_the_library_tells_them() -> None:
    camera = Evt3Camera(Device([(b"abcd", [], 0), (b"efgh", [2], 1), (b"ijkl", [], 3), (b"mnop", [], 3)]))
    assert read_all(camera) == [
        RawData(b"abcd"),
        RawData(b"ef"),
        RawData(b"gh", after_loss=True),
        RawData(b"ijkl", after_loss=True),  # dropped, but it was not said where
        RawData(b"mnop"),
    ]
    assert camera.losses == 2


@given(data=st.binary(max_size=40), losses=st.lists(st.integers(-3, 45), max_size=5))
def test_splitting_loses_nothing(data: bytes, losses: list[int]) -> None:
    pieces = split_at_losses(data, losses)
    assert b"".join(piece.data for piece in pieces) == data
    assert all(piece.data for piece in pieces)
    assert sum(piece.after_loss for piece in pieces) == len({at for at in losses if 0 <= at < len(data)})
    begins = np.cumsum([0, *(len(piece.data) for piece in pieces)]).tolist()
    assert {begin for begin, piece in zip(begins, pieces, strict=False) if piece.after_loss} <= set(losses)


# The library itself


def test_no_camera_is_none_or_said_in_one_line() -> None:
    """Where there is no USB bus the library raises, and does not say what is missing."""
    try:
        listed = nd.list_devices()
    except RuntimeError:
        with pytest.raises(CameraUnavailableError, match=r"^neuromorphic-drivers cannot list cameras: [^\n]+$"):
            open_prophesee(CameraParameters())
    else:
        if listed:
            pytest.skip("a camera is attached")
        assert open_prophesee(CameraParameters()) is None


MODULES = (nd.prophesee_evk4, nd.prophesee_evk3_hd, nd.centuryarks_vga, nd.lucid_triton)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_camera_has_biases_that_the_library_takes(module: Any) -> None:
    biases = checked_biases(module, "DIFF_ON=5 diff_off=7", "camera")
    assert biases == {"diff_on": 5, "diff_off": 7}
    given_biases = module.Configuration(biases=module.Biases(**biases))
    assert given_biases.serialize() != module.Configuration().serialize()
    assert checked_biases(module, "", "camera") == {}


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        (nd.prophesee_evk4, "diff_on=32768", "diff_on: expected -32768 to 32767, found 32768"),
        (nd.prophesee_evk3_hd, "diff_on=-1", "diff_on: expected 0 to 255, found -1"),
        (nd.prophesee_evk3_hd, "diff_on=1,2", "diff_on: expected 0 to 255, found 1,2"),
        (nd.centuryarks_vga, "inv=3", "inv: camera has none of this name; expected one of diff_on, diff, "),
    ],
)
def test_biases_that_a_camera_has_not_are_refused(module: Any, text: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^biases: {message}"):
        checked_biases(module, text, "camera")


def test_biases_beyond_what_the_camera_says_are_refused() -> None:
    bounds = nd.prophesee_evk4.BiasesBounds(diff_on=nd.prophesee_evk4.Bounds(-85, 140))
    check_bounds(bounds, {"diff_on": 140, "diff": 30_000})  # of diff it says nothing
    with pytest.raises(UserError, match=r"^biases: diff_on: expected -85 to 140, found 141$"):
        check_bounds(bounds, {"diff_on": 141})


@pytest.mark.parametrize(("setting", "value"), [("flip_horizontal", True), ("noise_filter_us", 2000)])
def test_settings_that_would_change_the_words_are_refused(
    setting: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = SimpleNamespace(name=nd.Name.PROPHESEE_EVK4, serial="00050E5A", error=None)
    monkeypatch.setattr(nd, "list_devices", lambda: [listed])
    with pytest.raises(UserError, match=f"^{setting}: the words of Prophesee EVK4 go out as they are"):
        open_prophesee(CameraParameters.model_validate({setting: value}))


def test_a_camera_that_another_program_has_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    error = "the device is already used by another program"
    listed = nd.ListedDevice(nd.Name.PROPHESEE_EVK4, nd.Connection.USB_SUPER, "2:5", None, error)
    monkeypatch.setattr(nd, "list_devices", lambda: [listed])
    with pytest.raises(CameraUnavailableError, match=f"^Prophesee EVK4: {error}$"):
        open_prophesee(CameraParameters())
    assert open_prophesee(CameraParameters(serial="00050E5A")) is None


def test_cameras_without_evt3_are_left_to_the_other_library(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = nd.ListedDevice(nd.Name.INIVATION_DAVIS346, nd.Connection.USB_SUPER, "2:5", "00000207", None)
    monkeypatch.setattr(nd, "list_devices", lambda: [listed])
    assert open_prophesee(CameraParameters()) is None
