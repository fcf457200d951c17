"""Compile before time matters: numba compiles a kernel, or reads it from its cache, when it is first called."""

import numpy as np

from snn_core.control.controller import Controller
from snn_core.control.safety import SafetyLimits
from snn_core.events.codecs import make_decoder
from snn_core.events.events import Events
from snn_core.events.intake import EventIntake


def compile_controller(controller: Controller) -> None:
    """Call the kernels that ``controller`` will call, with a copy of its network; the controller itself does not
    change.
    """
    copy = Controller(controller.spec, SafetyLimits(), seed=0)
    sensor = controller.spec.driving_parts()[0].pooling.sensor
    width, height = (64, 64) if sensor == "any" else sensor
    copy.connect_sensor(width, height)
    copy.start(0)
    intake = EventIntake(width, height)
    intake.push(make_decoder("mono", width, height).decode(np.zeros(8, np.uint8), 0))
    copy.step(intake.take(controller.spec.window_us), (0.0,))
    copy.step(Events.empty(), None)
