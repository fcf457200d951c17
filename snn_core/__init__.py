"""SpikeDrive's core: events, spiking network, learning, control and simulation, all without ROS.

The names below are what users import; they are loaded when they are first used. All else may change.

Errors:

    ValueError
    └── UserError    a file, key or value that the user gave cannot be used: one line that says what was expected
"""

from importlib import import_module
from typing import TYPE_CHECKING

from snn_core.kernel_cache import install as _install_kernel_cache
from snn_core.version import VERSION

if TYPE_CHECKING:
    from snn_core.control.checkpoint import controller_from_checkpoint as load_controller
    from snn_core.control.checkpoint import load_network, save_checkpoint
    from snn_core.control.command import Command, velocity
    from snn_core.control.controller import Answer, Controller
    from snn_core.control.safety import SafetyLimits
    from snn_core.control.signals import Signals, weighted
    from snn_core.control.spec import ControllerSpec, load_controller_spec
    from snn_core.errors import UserError
    from snn_core.events.events import Events
    from snn_core.events.recordings import Recording, open_recording, write_recording
    from snn_core.events.windows import windows
    from snn_core.learning.replay import ReplayResult, replay
    from snn_core.learning.run import Evaluation, Run, evaluate, train
    from snn_core.network.models.base import NeuronModel, PopulationSpec
    from snn_core.network.network import Network, Spikes
    from snn_core.network.rules.base import Rule, RuleSpec
    from snn_core.network.spec import NetworkSpec
    from snn_core.tasks.base import Task, TaskWindow
    from snn_core.tasks.lane.task import LaneTask
    from snn_core.tasks.registry import all_tasks, find_task
    from snn_core.tasks.simple import Outcome, SimpleTask

__version__ = VERSION
__all__ = [
    "Answer",
    "Command",
    "Controller",
    "ControllerSpec",
    "Evaluation",
    "Events",
    "LaneTask",
    "Network",
    "NetworkSpec",
    "NeuronModel",
    "Outcome",
    "PopulationSpec",
    "Recording",
    "ReplayResult",
    "Rule",
    "RuleSpec",
    "Run",
    "SafetyLimits",
    "Signals",
    "SimpleTask",
    "Spikes",
    "Task",
    "TaskWindow",
    "UserError",
    "all_tasks",
    "evaluate",
    "find_task",
    "load_controller",
    "load_controller_spec",
    "load_network",
    "open_recording",
    "replay",
    "save_checkpoint",
    "train",
    "velocity",
    "weighted",
    "windows",
    "write_recording",
]

_MODULES = {
    "snn_core.control.checkpoint": ("load_network", "save_checkpoint"),
    "snn_core.control.command": ("Command", "velocity"),
    "snn_core.control.controller": ("Answer", "Controller"),
    "snn_core.control.safety": ("SafetyLimits",),
    "snn_core.control.signals": ("Signals", "weighted"),
    "snn_core.control.spec": ("ControllerSpec", "load_controller_spec"),
    "snn_core.errors": ("UserError",),
    "snn_core.events.events": ("Events",),
    "snn_core.events.recordings": ("Recording", "open_recording", "write_recording"),
    "snn_core.events.windows": ("windows",),
    "snn_core.learning.replay": ("ReplayResult", "replay"),
    "snn_core.learning.run": ("Evaluation", "Run", "evaluate", "train"),
    "snn_core.network.models.base": ("NeuronModel", "PopulationSpec"),
    "snn_core.network.network": ("Network", "Spikes"),
    "snn_core.network.rules.base": ("Rule", "RuleSpec"),
    "snn_core.network.spec": ("NetworkSpec",),
    "snn_core.tasks.base": ("Task", "TaskWindow"),
    "snn_core.tasks.lane.task": ("LaneTask",),
    "snn_core.tasks.registry": ("all_tasks", "find_task"),
    "snn_core.tasks.simple": ("Outcome", "SimpleTask"),
}
_SOURCES = {name: (module, name) for module, names in _MODULES.items() for name in names}
_SOURCES["load_controller"] = ("snn_core.control.checkpoint", "controller_from_checkpoint")


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: importing numba alone takes half a second."""
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _SOURCES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


_install_kernel_cache()  # before any kernel is met
