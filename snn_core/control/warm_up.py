"""Compile before time matters: numba compiles a kernel, or reads it from its cache, when it is first called."""

import math

import numpy as np

from snn_core.control.controller import Controller
from snn_core.control.encoders.pooling_spec import PoolingSpec, RectanglesSpec
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.events import Events
from snn_core.events.intake import EventIntake


def compile_controller(controller: Controller) -> None:
    """Call the kernels that ``controller`` will call, with a copy of its network; the controller itself does not
    change.
    """
    copy = Controller(controller.spec, controller.limits)
    width, height = _fitting_sensor(controller.spec.driving_parts()[0].pooling)
    copy.connect_sensor(width, height)
    copy.start(0)
    intake = EventIntake(width, height)
    intake.push(make_decoder("mono", width, height).decode(np.zeros(8, np.uint8), 0))
    copy.step(intake.take(controller.spec.window_us), dict.fromkeys(copy.network.signals, 0.0))
    copy.step(Events.empty(), None)


def _fitting_sensor(pooling: PoolingSpec) -> tuple[int, int]:
    """The size of a sensor that the network takes, in pixels."""
    if pooling.sensor != "any":
        return pooling.sensor
    if isinstance(pooling, RectanglesSpec):
        crop = pooling.crop
        return pooling.columns + crop.left + crop.right, pooling.rows + crop.top + crop.bottom
    radius = pooling.radius_px or 320.0
    x, y = pooling.centre or (radius, radius)
    return math.ceil(x + radius) + 1, math.ceil(y + radius) + 1
