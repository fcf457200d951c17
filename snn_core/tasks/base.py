"""What every task is to the rest: a body in a scene, its windows, and the signals that teach.

A task of another package is a subclass of ``Task``, or more simply of ``snn_core.tasks.simple.SimpleTask``, that the
package offers by an entry point of the group ``spikedrive.tasks``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, NamedTuple, Protocol, Self, cast

from pydantic import Field
from typing_extensions import TypeVar

from snn_core.control.command import Command
from snn_core.control.signals import Signals
from snn_core.events.events import Events
from snn_core.files import WINDOW_MS, StrictModel

if TYPE_CHECKING:
    from snn_core.tasks.log import DriveLog
    from snn_core.tasks.report import TaskReport


class RunSpec(StrictModel):
    """Rules of a run, whatever the task."""

    mode: Literal["train", "evaluate"] = Field(default="train", description="train: to learn; evaluate: to be measured")
    duration_s: float = Field(
        default=0.0, ge=0.0, le=1e7, description="end of the run in simulated time (s); 0: no end"
    )
    settled_s: float = Field(
        default=0.0, ge=0.0, le=1e7, description="also end after so long without a failure (s); 0: off"
    )

    def for_evaluation(self, seconds: float) -> "RunSpec":
        """The same, to be measured for ``seconds`` of simulated time. Raises ValueError for a time out of range."""
        changes = {"mode": "evaluate", "duration_s": seconds, "settled_s": 0.0}
        return type(self).model_validate({**self.model_dump(), **changes})


class TaskSettings(StrictModel):
    """What every task's settings have. A task's own class adds its parameters."""

    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of the scene")
    window_ms: float = WINDOW_MS
    dark: bool = Field(default=False, description="no events: a control run")
    task: RunSpec = RunSpec()

    @property
    def window_us(self) -> int:
        """Length of a control window (us)."""
        return round(1000 * self.window_ms)


class NoSettings(StrictModel):
    """Where there is nothing to set."""


class Odometry(NamedTuple):
    """Where a body on the ground is, as a message tells it."""

    x_m: float
    y_m: float
    orientation: tuple[float, float]
    """z and w of its quaternion."""
    v_m_s: float
    omega_rad_s: float


@dataclass(frozen=True, slots=True)
class TaskWindow:
    """A window of a run: [begin_us, end_us) of simulated time.

    number: from 0. events: in order of time. placed: whether the body was placed at a start when it began. goal: which
    of the task's goals was pursued (the lane to keep). completed, failed: so far. last_failed_s: simulated time of the
    last failure, or None. finished: it was the run's last. state: at the end, in the order of ``Task.state_names``.
    odometry: of a body that has it.
    """

    number: int
    begin_us: int
    end_us: int
    events: Events
    placed: bool
    goal: int
    completed: int
    failed: int
    last_failed_s: float | None
    finished: bool
    state: tuple[float, ...]
    odometry: Odometry | None = None


OnWait = Callable[[str], None]
"""Called with what is waited for."""
Figure = float | None
"""A number of a run, for JSON; None: there is none."""
OdometrySignals = Callable[[float, float, float, float, float, int], Signals]
"""(x m, y m, yaw rad, speed m/s, yaw rate rad/s, goal) -> what teaches."""


class Baseline(Protocol):
    """A controller without a network, to compare with."""

    def __call__(self, window: TaskWindow | None) -> Command:
        """The command for the window that follows ``window``; None: for the first."""
        ...


Settings_co = TypeVar("Settings_co", bound=TaskSettings, default=TaskSettings, covariant=True)
SignalSettings_co = TypeVar("SignalSettings_co", bound=StrictModel, default=StrictModel, covariant=True)


class Task(ABC, Generic[Settings_co, SignalSettings_co]):
    """A run of a task, moved on window by window. Same settings and commands: the same bits.

    A task with settings of its own names their types: ``Task[MySettings, MySignalSettings]``.

    settings: of ``settings_type``. signal_settings: of ``signal_settings_type``. None: the defaults. on_wait: called
    with what is waited for, by a task that has to wait. Raises UserError for settings that cannot be used. A context
    manager that ends what was started.
    """

    name: ClassVar[str]
    """As ``--task`` names it."""
    summary: ClassVar[str] = ""
    """What is to be learnt, in a line."""
    channels: ClassVar[tuple[str, ...]]
    """Channels of the commands that the body takes, in order."""
    state_names: ClassVar[tuple[str, ...]]
    """What ``state`` gives, with units."""
    path_names: ClassVar[tuple[str, ...]] = ()
    """What of the state enters the digest of a drive; empty: all."""
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Lowest and highest value of a channel that an agent may choose; [-1, 1] where nothing is said."""
    sensor: tuple[int, int] = (128, 128)
    """Width and height of its event camera (pixels)."""
    network: ClassVar[str] = "lane"
    """The network that learns it unless another is given: a shipped name, or the path of a .yaml file."""
    parameter_file: ClassVar[str] = ""
    """Its parameter file: the name of a shipped one, or a path; empty: all parameters have their defaults."""
    recommended: ClassVar[Mapping[str, object]] = {}
    """Settings that its shipped parameter file has, and a training by name begins with."""
    settings_type: ClassVar[type[TaskSettings]] = TaskSettings
    signal_settings_type: ClassVar[type[StrictModel]] = NoSettings
    has_reward_node: ClassVar[bool] = False
    """Whether the node ``reward`` makes the signals of odometry and episode; else the simulator sends them."""
    try_next: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Commands to try after a training, and why; ``{checkpoint}`` stands for its file."""
    baselines: ClassVar[Mapping[str, Callable[["Task"], Baseline]]] = {}

    def __init__(
        self,
        settings: TaskSettings | None = None,
        signal_settings: StrictModel | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        chosen = settings if settings is not None else self.settings_type()
        self._settings = cast("Settings_co", chosen)
        teaching = signal_settings if signal_settings is not None else self.signal_settings_type()
        self._signal_settings = cast("SignalSettings_co", teaching)
        self.begin()

    @property
    def settings(self) -> Settings_co:
        """Of ``settings_type``."""
        return self._settings

    @property
    def signal_settings(self) -> SignalSettings_co:
        """Of ``signal_settings_type``."""
        return self._signal_settings

    @abstractmethod
    def begin(self) -> None:
        """Restart the run, from window 0 at time 0, with the same seed."""

    @abstractmethod
    def step(self, command: Command) -> TaskWindow:
        """Lockstep: hold a command for the next window. Raises ValueError when it is not finite."""

    @abstractmethod
    def signals(self, window: TaskWindow) -> Signals:
        """What teaches, of a window that has ended; see ``snn_core.control.signals``."""

    @property
    def window_us(self) -> int:
        """Length of a window (us)."""
        return self.settings.window_us

    # What a simulator that is a process of its own adds

    runs_by_itself: bool = False
    """Whether the scene can run without being stepped."""
    started: bool = True
    """Whether there is a scene to ask."""

    @property
    def counters(self) -> dict[str, int]:
        """What went other than it should and was mended, by name."""
        return {}

    def start(self) -> None:
        """Start the scene now and not at the first step."""

    def run(self, real_time_factor: float) -> None:
        """Free running: from now on the scene runs by itself."""
        raise NotImplementedError

    def send(self, command: Command) -> None:
        """Free running: send a command."""
        raise NotImplementedError

    def take(self, timeout_s: float) -> TaskWindow | None:
        """Free running: what has happened since the last call, waiting so long for it (s); None if nothing."""
        raise NotImplementedError

    def close(self) -> None:
        """End what was started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def odometry_signals(cls, signal_settings: StrictModel, goal: int) -> OdometrySignals:
        """What the node ``reward`` calls, of a task that has it.

        signal_settings: of ``signal_settings_type``. goal: the only one that it is asked for; -1: any. What is returned
        is compiled: a window waits for it. Raises UserError for a goal or settings that cannot be used.
        """
        raise NotImplementedError

    # How a run is told of

    @classmethod
    def report_type(cls) -> "type[TaskReport]":
        """What draws the task's part of a report. Imported here alone: a node needs no matplotlib."""
        from snn_core.tasks.report import TaskReport

        return TaskReport

    @classmethod
    def check_settings(cls, settings: TaskSettings, signal_settings: StrictModel) -> None:
        """Raises ValueError, naming section and key, where the settings of simulator and signals do not fit."""

    @classmethod
    def settings_after(cls, settings: TaskSettings, seconds: float) -> TaskSettings:
        """Settings of a run that begins where one with these settings has come to after so long (s)."""
        return settings

    @classmethod
    def conditions(cls, settings: TaskSettings) -> dict[str, str]:
        """What the JSON of a run says of the circumstances that its figures depend on."""
        return {}

    @classmethod
    def training_figures(cls, log: "DriveLog") -> dict[str, Figure]:
        """What the JSON of a run says of training."""
        last = log.last
        return {
            "failed": last.failed if last else 0,
            "last_failed_s": log.last_failed_s,
            "completed": last.completed if last else 0,
        }

    @classmethod
    def evaluation_figures(cls, log: "DriveLog") -> dict[str, Figure]:
        """What the JSON of a run says of an evaluation."""
        last = log.last
        return {"evaluation_failed": last.failed if last else 0, "evaluation_completed": last.completed if last else 0}

    @classmethod
    def training_line(cls, figures: Mapping[str, Figure]) -> str:
        """``training_figures`` in words."""
        last = figures["last_failed_s"]
        ago = "" if last is None else f", the last after {last:.0f} s"
        return f"failed {figures['failed']} times{ago}, completed {figures['completed']} times"

    @classmethod
    def evaluation_line(cls, figures: Mapping[str, Figure]) -> str:
        """``evaluation_figures`` in words."""
        return f"failed {figures['evaluation_failed']} times, completed {figures['evaluation_completed']} times"

    @classmethod
    def progress_line(cls, log: "DriveLog") -> str:
        """How a drive goes, in a few words."""
        last = log.last
        return f"{last.failed if last else 0:3d} failed, {last.completed if last else 0} completed"
