"""Lockstep on the controller's side: which window can be stepped, once all of it has come, in whatever order.

A source (simulator, replay) sends a window's packets and its episode, the reward node a reward, each over a topic of
its own. Nothing is assumed about the order between topics. A window that is sent again is answered again, not stepped
again.
"""

from typing import NamedTuple

from snn_core.control.signals import Signals
from snn_core.events.events import Events
from snn_core.events.intake import EventIntake


class Episode(NamedTuple):
    """What a source says of a window."""

    window: int
    begin_us: int
    end_us: int
    first_event_seq: int
    next_event_seq: int
    """Packets from the first to before the next make up the window."""
    events: int
    """Number of events in these packets."""
    placed: bool
    finished: bool
    goal: int = 0
    completed: int = 0
    failed: int = 0
    state: tuple[float, ...] = ()
    """Of the body at the window's end, in the order that its task gives."""


class ReadyWindow(NamedTuple):
    """A window of which everything has come."""

    episode: Episode
    joined: bool
    """It does not follow the last one: the first of all, or the source restarted."""
    events: Events
    signals: Signals | None


class LockstepInbox:
    """Collects packets, episodes and signals until a window is whole.

    Packets must be decoded in the order of ``seq`` and once each: ``wants(seq)`` says whether this one is next.
    """

    _SIGNALS_KEPT = 16

    def __init__(self, width: int, height: int) -> None:
        self._intake = EventIntake(width, height)
        self._episode: Episode | None = None
        self._answered: Episode | None = None
        self._first_seq: int | None = None
        self._next_seq: int | None = None
        self._signals: dict[int, Signals] = {}
        self._joined = True
        self.streams = 0
        """Times that the stream has restarted; a decoder that keeps state must then be reset."""

    @property
    def intake(self) -> EventIntake:
        """The queue of events, with its counters of what was dropped."""
        return self._intake

    def wants(self, seq: int) -> bool:
        """Whether the packet ``seq`` is the next to be decoded; others are repeats, or come again with the window."""
        return self._next_seq is None or seq == self._next_seq

    def add_packet(self, seq: int, events: Events) -> None:
        """Take in the events of a packet that is wanted."""
        if self._next_seq is None:
            self._first_seq = seq
        self._intake.push(events)
        self._next_seq = seq + 1

    def add_signals(self, end_us: int, signals: Signals) -> None:
        """Take in what teaches of the window that ends at ``end_us``."""
        self._signals[end_us] = signals
        while len(self._signals) > self._SIGNALS_KEPT:
            del self._signals[next(iter(self._signals))]

    def add_episode(self, episode: Episode) -> bool:
        """Take in an episode. Returns True when this window has been answered, and its answer is to be sent again."""
        if episode == self._answered:
            return True
        if episode != self._episode:
            self._episode = episode
            follows = (
                self._answered is not None
                and episode.window == self._answered.window + 1
                and episode.begin_us == self._answered.end_us
                and episode.first_event_seq == self._answered.next_event_seq
            )
            self._joined = not follows
            if self._joined and self._first_seq != episode.first_event_seq:
                self._begin_anew(episode)
            elif self._joined:
                self._intake.restart(episode.begin_us)
            self._first_seq = None
        return False

    def _begin_anew(self, episode: Episode) -> None:
        """Only the packets of this window count; those that went by before it was known come again with it."""
        self._intake.clear()
        self._intake.restart(episode.begin_us)
        self.streams += 1
        self._next_seq = episode.first_event_seq
        self._signals = {end: signals for end, signals in self._signals.items() if end == episode.end_us}

    def take(self, *, needs_signals: bool) -> ReadyWindow | None:
        """The window to step now, None while something of it is missing. It counts as answered from here on."""
        episode = self._episode
        if episode is None or episode == self._answered or self._next_seq != episode.next_event_seq:
            return None
        signals = self._signals.pop(episode.end_us, None)
        if needs_signals and signals is None:
            return None
        self._answered = episode
        return ReadyWindow(episode, self._joined, self._intake.take(episode.end_us), signals)
