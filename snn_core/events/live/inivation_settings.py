"""What can be set on cameras of iniVation: each by the methods that its class in dv-processing has."""

from datetime import timedelta
from typing import Any

from snn_core.events.live.biases import BiasValues, check_values, match_names, parse_biases
from snn_core.events.live.camera_parameters import CameraParameters

# Ranges of the registers; source: libcaer, devices/dvs128.h and devices/davis.h (coarse 3 bits, fine 8, voltage 6).
DVS128_BIAS = (0, 2**24 - 1)
COARSE, FINE, VOLTAGE = (0, 7), (0, 255), (0, 63)
CONTRAST = (0, 17)  # as iniVation's DV has it
FILTER_UNIT_US = 250

# Streams other than events: nobody reads them here, and a DAVIS' frames disturb its events.
OTHER_STREAMS = (
    "setFramesRunning",
    "setImuRunningAccelerometer",
    "setImuRunningGyroscope",
    "setImuRunningTemperature",
)


def configure(camera: Any, parameters: CameraParameters) -> None:
    """Set biases and flips, and switch off what is not events. Raises UserError for a bias that it does not have."""
    set_biases(camera, parse_biases(parameters.biases))
    camera.setFlipHorizontal(parameters.flip_horizontal)
    camera.setFlipVertical(parameters.flip_vertical)
    for name in OTHER_STREAMS:
        if hasattr(camera, name):
            getattr(camera, name)(False)


def noise_filter(camera: Any, parameters: CameraParameters) -> Any | None:
    """Set the noise filter of a camera that has one; for another the library's, through which its events are to go.

    None where no events need go through it.
    """
    import dv_processing as dv

    duration_us = parameters.noise_filter_us
    if duration_us == 0:
        return None
    if hasattr(camera, "setBackgroundActivityFilter"):
        camera.setBackgroundActivityFilter(max(1, round(duration_us / FILTER_UNIT_US)))
        return None
    return dv.noise.BackgroundActivityNoiseFilter(camera.getEventResolution(), timedelta(microseconds=duration_us))


def set_biases(camera: Any, biases: dict[str, BiasValues]) -> None:
    """Set biases by the names that the library has for this camera. Raises UserError for a name or value it has not."""
    if not biases:
        return
    if hasattr(camera, "setContrastThresholdOn"):
        _set_contrast(camera, biases)
    elif hasattr(camera, "getSensorModel"):
        _set_davis(camera, biases)
    elif hasattr(camera, "setBias"):
        _set_dvs128(camera, biases)
    else:
        match_names(biases, (), camera.getCameraName())


def _set_contrast(camera: Any, biases: dict[str, BiasValues]) -> None:
    """DVXplorer: its biases follow from two contrast thresholds."""
    setters = {
        "contrast_threshold_on": camera.setContrastThresholdOn,
        "contrast_threshold_off": camera.setContrastThresholdOff,
    }
    for name, values in match_names(biases, setters, camera.getCameraName()).items():
        check_values(name, values, CONTRAST)
        setters[name](*values)


def _set_dvs128(camera: Any, biases: dict[str, BiasValues]) -> None:
    import dv_processing as dv

    known = dv.io.camera.DVS128.Bias.__members__
    for name, values in match_names(biases, known, camera.getCameraName()).items():
        check_values(name, values, DVS128_BIAS)
        camera.setBias(known[name], *values)


def _set_davis(camera: Any, biases: dict[str, BiasValues]) -> None:
    """DAVIS: coarse and fine currents, and voltages where the sensor has some."""
    import dv_processing as dv

    davis = dv.io.camera.DAVIS
    sensor = camera.getSensorModel().name
    if sensor.startswith("DAVIS240"):
        currents, voltages = davis.Davis240BiasCF.__members__, {}
        set_current, set_voltage = camera.setDavis240BiasCoarseFine, None
    elif sensor == "CDAVIS":
        currents, voltages = davis.CDavisBiasCF.__members__, davis.CDavisBiasVDAC.__members__
        set_current, set_voltage = camera.setCDavisBiasCoarseFine, camera.setCDavisBiasVoltage
    else:
        currents, voltages = davis.Davis346BiasCF.__members__, davis.Davis346BiasVDAC.__members__
        set_current, set_voltage = camera.setDavis346BiasCoarseFine, camera.setDavis346BiasVoltage
    for name, values in match_names(biases, [*currents, *voltages], f"{camera.getCameraName()} ({sensor})").items():
        if name in currents:
            check_values(name, values, COARSE, FINE)
            set_current(currents[name], *values)
        else:
            assert set_voltage is not None
            check_values(name, values, VOLTAGE)
            set_voltage(voltages[name], *values)
