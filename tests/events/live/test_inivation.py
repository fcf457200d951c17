"""iniVation's cameras: the loop on dv-processing's own reader, the settings against the classes of the library.

No camera is here. What is checked on the classes is that the methods exist which are called, and with what.
"""

from pathlib import Path
from typing import Any
from unittest.mock import call, create_autospec

import dv_processing as dv
import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.live.camera import CameraUnavailableError, one_line
from snn_core.events.live.camera_parameters import CameraParameters
from snn_core.events.live.inivation import DvCamera, RecordedCamera, open_inivation, open_recorded
from snn_core.events.live.inivation_settings import configure, noise_filter, set_biases
from snn_core.events.recordings import write_recording
from tests.events.streams import make_events, random_events

WIDTH, HEIGHT = 64, 48
cameras = dv.io.camera


@pytest.fixture(scope="module")
def recorded() -> Events:
    """50 ms."""
    return random_events(np.random.default_rng(0), 5000, WIDTH, HEIGHT, 1_700_000_000_000_000, 10.0)


@pytest.fixture(scope="module")
def path(recorded: Events, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "generated.aedat4"
    write_recording(path, recorded, WIDTH, HEIGHT, "Made_7")
    return path


def read_all(camera: DvCamera) -> list[Events]:
    """Every batch until the camera has gone."""
    batches = []
    while camera.is_connected():
        batch = camera.next_batch()
        if batch is not None:
            batches.append(batch)
    return batches


def parameters(**values: Any) -> CameraParameters:
    return CameraParameters.model_validate({"device": "recording", **values})


# The loop


def test_the_reader_of_a_recording_is_what_a_live_camera_is_to_the_library() -> None:
    for live in (cameras.CameraInputBase, cameras.DVS128, cameras.DAVIS, cameras.DVXplorer, cameras.DVXplorerM):
        assert issubclass(live, dv.io.InputBase)
        for name in ("getNextEventBatch", "getNextTriggerBatch", "isTriggerStreamAvailable", "isRunning"):
            assert hasattr(live, name)
    assert issubclass(dv.io.MonoCameraRecording, dv.io.InputBase)


def test_a_recording_gives_all_its_events_and_then_is_gone(path: Path, recorded: Events) -> None:
    camera = DvCamera(dv.io.MonoCameraRecording(str(path)))
    assert (camera.name, camera.width, camera.height, camera.encoding) == ("Made_7", WIDTH, HEIGHT, "mono")
    assert Events.concatenate(read_all(camera)).equals(recorded)
    assert not camera.is_connected()
    assert camera.next_batch() is None
    camera.close()
    camera.close()
    assert camera.next_batch() is None


@pytest.mark.recordings
def test_a_real_recording(recordings: Path) -> None:
    camera = DvCamera(dv.io.MonoCameraRecording(str(recordings / "dvxplorer_320x240.aedat4")))
    batches = read_all(camera)
    events = Events.concatenate(batches)
    assert (camera.name, camera.width, camera.height) == ("DVXplorer_DXB00010", 320, 240)
    assert (len(events), int(events.polarity.sum())) == (111_954, 55_023)
    assert (int(events.x.sum(dtype=np.int64)), int(events.y.sum(dtype=np.int64))) == (18_342_405, 15_105_898)
    assert (int(events.t[0]), int(events.t[-1])) == (1605537493718345, 1605537494308262)
    assert len(batches) == 59  # of 10 ms, as the camera sent them
    assert (camera.dropped_outside, camera.steps_back) == (0, 0)


class Batches:
    """An input of the library that hands over batches which no file of it can hold."""

    def __init__(self, *batches: dv.EventStore) -> None:
        self._batches = list(batches)

    def getEventResolution(self) -> tuple[int, int]:  # noqa: N802
        return WIDTH, HEIGHT

    def getCameraName(self) -> str:  # noqa: N802
        return "Batches_1"

    def isTriggerStreamAvailable(self) -> bool:  # noqa: N802
        return False

    def isRunning(self, _: str) -> bool:  # noqa: N802
        return bool(self._batches)

    def getNextEventBatch(self) -> dv.EventStore | None:  # noqa: N802
        return self._batches.pop(0) if self._batches else None


def store(*rows: tuple[int, int, int, bool]) -> dv.EventStore:
    events = dv.EventStore()
    for row in rows:
        events.push_back(*row)
    return events


def test_events_off_the_sensor_are_dropped_and_times_never_run_backwards() -> None:
    outside = store((10, WIDTH, 0, True), (11, 3, 4, True), (12, 0, HEIGHT, False), (13, -1, 5, True))
    camera = DvCamera(Batches(outside, store((5, 1, 1, True), (6, 2, 2, False), (20, 3, 3, True)), store()))
    assert Events.concatenate(read_all(camera)).equals(
        make_events([(11, 3, 4, 1), (11, 1, 1, 1), (11, 2, 2, 0), (20, 3, 3, 1)])
    )
    assert (camera.dropped_outside, camera.steps_back) == (3, 1)


def test_a_recording_in_a_cameras_place_is_never_ahead_of_event_time(
    path: Path, recorded: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    camera = open_recorded(parameters(file=str(path)))
    read: list[Events] = []
    while camera.is_connected():
        batch = camera.next_batch()
        if batch is None:
            now += 0.001
        else:
            read.append(batch)
            assert (batch.t[-1] - recorded.t[0]) * 1e-6 <= now - 100.0 + 1e-9
    assert Events.concatenate(read).equals(recorded)
    assert pytest.approx(now - 100.0, abs=0.002) == 0.001 * 50


@pytest.mark.recordings
def test_the_noise_filter_of_the_library_drops_what_no_neighbour_supports(recordings: Path) -> None:
    reader = dv.io.MonoCameraRecording(str(recordings / "dvxplorer_320x240.aedat4"))
    software = noise_filter(reader, parameters(noise_filter_us=2000))
    assert sum(map(len, read_all(DvCamera(reader, software)))) == 29_333
    assert noise_filter(reader, parameters()) is None


# What cannot be used


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file": ""}, r"file: : expected an AEDAT4 recording, a file whose name ends in \.aedat4"),
        ({"file": "none.aedat4"}, "file: none.aedat4: expected an AEDAT4 recording"),
        ({"flip_vertical": True}, "flip_vertical: a recording has no such setting"),
        ({"biases": "diff=3"}, "biases: a recording has no such setting"),
    ],
)
def test_what_a_recording_is_not_is_refused_in_one_line(path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}") as refusal:
        open_recorded(parameters(**{"file": str(path), **values}))
    assert "\n" not in str(refusal.value)
    assert not isinstance(refusal.value, CameraUnavailableError)


def test_a_damaged_recording_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "damaged.aedat4"
    path.write_text("no recording at all")
    with pytest.raises(UserError, match=r"damaged\.aedat4: cannot be read: AEDAT4.0: no valid version") as refusal:
        open_recorded(parameters(file=str(path)))
    assert "\n" not in str(refusal.value)


def test_no_camera_is_none() -> None:
    if cameras.discover():
        pytest.skip("a camera of iniVation is attached")
    assert open_inivation(CameraParameters()) is None
    assert open_inivation(CameraParameters(serial="DXB00010")) is None


def test_the_librarys_reason_is_told_without_its_stack_trace() -> None:
    with pytest.raises(RuntimeError, match="Stacktrace") as caught:
        cameras.open("no such serial number")
    assert one_line(caught.value) == "Could not find device with given serial number"
    assert one_line(RuntimeError("Access denied (insufficient permissions)")).startswith("Access denied")
    assert one_line(MemoryError()) == "MemoryError"


# Settings


def camera_of(kind: type, sensor: str = "") -> Any:
    """What has the methods of a class of the library, no more, and notes how they are called."""
    camera = create_autospec(kind, instance=True)
    camera.getCameraName.return_value = f"{kind.__name__}_1"
    camera.getEventResolution.return_value = (WIDTH, HEIGHT)
    if sensor:
        camera.getSensorModel.return_value = cameras.DAVIS.SensorModel.__members__[sensor]
    return camera


@pytest.mark.parametrize("kind", [cameras.DVS128, cameras.DAVIS, cameras.DVXplorer, cameras.DVXplorerM])
def test_every_kind_of_camera_is_flipped_and_sends_events_alone(kind: type) -> None:
    camera = camera_of(kind)
    configure(camera, CameraParameters(flip_horizontal=True))
    camera.setFlipHorizontal.assert_called_once_with(True)
    camera.setFlipVertical.assert_called_once_with(False)
    others = [name for name in dir(kind) if name.startswith(("setImuRunning", "setFramesRunning"))]
    assert bool(others) == (kind is not cameras.DVS128)
    for name in others:
        getattr(camera, name).assert_called_once_with(False)


@pytest.mark.parametrize(
    ("kind", "sensor", "biases", "calls"),
    [
        (
            cameras.DVXplorer,
            "",
            {"contrast_threshold_on": (6,), "Contrast_Threshold_Off": (17,)},
            [call.setContrastThresholdOn(6), call.setContrastThresholdOff(17)],
        ),
        (cameras.DVXplorerM, "", {"contrast_threshold_on": (0,)}, [call.setContrastThresholdOn(0)]),
        (
            cameras.DVS128,
            "",
            {"diff_on": (2**24 - 1,), "PR": (0,)},
            [call.setBias(cameras.DVS128.Bias.DIFF_ON, 2**24 - 1), call.setBias(cameras.DVS128.Bias.PR, 0)],
        ),
        (
            cameras.DAVIS,
            "DAVIS346",
            {"On": (5, 120), "apscascode": (63,)},
            [
                call.setDavis346BiasCoarseFine(cameras.DAVIS.Davis346BiasCF.On, 5, 120),
                call.setDavis346BiasVoltage(cameras.DAVIS.Davis346BiasVDAC.ApsCascode, 63),
            ],
        ),
        (
            cameras.DAVIS,
            "DAVIS240C",
            {"ApsCascode": (7, 255)},
            [call.setDavis240BiasCoarseFine(cameras.DAVIS.Davis240BiasCF.ApsCascode, 7, 255)],
        ),
        (
            cameras.DAVIS,
            "CDAVIS",
            {"Off": (0, 0), "OVG1Low": (3,)},
            [
                call.setCDavisBiasCoarseFine(cameras.DAVIS.CDavisBiasCF.Off, 0, 0),
                call.setCDavisBiasVoltage(cameras.DAVIS.CDavisBiasVDAC.OVG1Low, 3),
            ],
        ),
    ],
)
def test_biases_are_set_by_the_cameras_own_names(kind: type, sensor: str, biases: dict, calls: list) -> None:
    camera = camera_of(kind, sensor)
    set_biases(camera, biases)
    assert [made for made in camera.mock_calls if made[0].startswith("set")] == calls


@pytest.mark.parametrize(
    ("kind", "sensor", "biases", "message"),
    [
        (cameras.DVXplorer, "", {"diff": (1,)}, "diff: DVXplorer_1 has none .* contrast_threshold_on, contrast_thr"),
        (cameras.DVXplorer, "", {"contrast_threshold_on": (18,)}, "contrast_threshold_on: expected 0 to 17, found 18"),
        (cameras.DVS128, "", {"PR": (2**24,)}, "PR: expected 0 to 16777215, found 16777216"),
        (cameras.DAVIS, "DAVIS346", {"On": (5,)}, "On: expected 0 to 7 and 0 to 255, found 5"),
        (cameras.DAVIS, "DAVIS346", {"On": (8, 1)}, "On: expected 0 to 7 and 0 to 255, found 8,1"),
        (cameras.DAVIS, "DAVIS346", {"ApsCascode": (64,)}, "ApsCascode: expected 0 to 63, found 64"),
        (cameras.DAVIS, "DAVIS240A", {"ADCReferenceLow": (1,)}, r"ADCReferenceLow: DAVIS_1 \(DAVIS240A\) has none"),
        (
            cameras.CameraInputBase,
            "",
            {"On": (1,)},
            "On: CameraInputBase_1 has none .* expected one of none",
        ),
    ],
)
def test_biases_that_a_camera_has_not_are_refused(kind: type, sensor: str, biases: dict, message: str) -> None:
    camera = camera_of(kind, sensor)
    with pytest.raises(UserError, match=f"^biases: {message}"):
        set_biases(camera, biases)
    assert [made for made in camera.mock_calls if made[0].startswith("set")] == []


def test_a_davis_filters_noise_itself_and_others_have_it_filtered() -> None:
    davis = camera_of(cameras.DAVIS)
    assert noise_filter(davis, CameraParameters(noise_filter_us=2000)) is None
    davis.setBackgroundActivityFilter.assert_called_once_with(8)
    software: Any = noise_filter(camera_of(cameras.DVXplorer), CameraParameters(noise_filter_us=2500))
    assert isinstance(software, dv.noise.BackgroundActivityNoiseFilter)
    assert software.getBackgroundActivityDuration().microseconds == 2500


def test_the_library_has_what_opening_uses() -> None:
    assert hasattr(cameras.CameraInputBase, "setTimeInterval")
    assert {"serialNumber", "cameraModel"} <= set(dir(cameras.USBDevice.DeviceDescriptor))
    assert issubclass(RecordedCamera, DvCamera)
