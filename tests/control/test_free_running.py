"""The window clock: windows end by the stream, else by the wall clock, and not at all when the stream is dead."""

from snn_core.control.free_running import Course, WindowClock

WINDOW, TIMEOUT = 50_000, 200_000


def test_first_packet_begins_the_windows():
    clock = WindowClock(WINDOW, TIMEOUT)
    assert clock.silent(0)
    assert not clock.ended(10**9)
    assert clock.observe(1000, 777_000) == Course.BEGINS
    assert clock.begin_us == 777_000


def test_an_event_past_the_end_ends_the_window():
    clock = WindowClock(WINDOW, TIMEOUT)
    clock.observe(0, 0)
    assert clock.observe(100, 49_999) == Course.GOES_ON
    assert not clock.ended(100)
    clock.observe(200, 50_000)
    assert clock.ended(200)
    clock.advance()
    assert not clock.ended(200)


def test_the_wall_clock_ends_the_window_of_a_silent_stream():
    clock = WindowClock(WINDOW, TIMEOUT)
    clock.observe(10_000, 0)
    clock.observe(32_000, 20_000)  # event time goes on from here
    assert not clock.ended(32_000 + 34_999)
    assert clock.ended(32_000 + 35_000)


def test_a_dead_stream_ends_no_window_and_the_next_packet_begins_anew():
    clock = WindowClock(WINDOW, TIMEOUT)
    clock.observe(0, 0)
    assert not clock.silent(TIMEOUT)
    assert clock.silent(TIMEOUT + 1)
    assert not clock.ended(TIMEOUT + 1)
    assert clock.observe(500_000, 480_000) == Course.BEGINS
    assert clock.begin_us == 480_000


def test_timeout_zero_never_counts_as_silence():
    clock = WindowClock(WINDOW, 0)
    clock.observe(0, 0)
    assert not clock.silent(10**9)
    assert clock.ended(10**9)


def test_an_empty_packet_without_a_time_keeps_the_stream_alive():
    clock = WindowClock(WINDOW, TIMEOUT)
    clock.observe(0, 0)
    clock.observe_empty(150_000)
    assert not clock.silent(300_000)


def test_a_jump_of_event_time_begins_anew():
    clock = WindowClock(WINDOW, TIMEOUT)
    clock.observe(0, 5_000_000)
    assert clock.observe(1000, 3_000_000) == Course.JUMPED_BACK
    assert clock.begin_us == 3_000_000
    assert clock.observe(2000, 9_000_000) == Course.JUMPED_AHEAD


def test_a_stream_slower_than_the_wall_clock_ends_its_windows_itself():
    clock = WindowClock(WINDOW, TIMEOUT)
    for k in range(1000):  # a packet every 10 ms of event time comes every 15 ms
        clock.observe(15_000 * k, 10_000 * k)
        while clock.ended(15_000 * k):
            clock.advance()
        assert clock.begin_us == 10_000 * k // WINDOW * WINDOW
        assert not clock.ended(15_000 * k + 14_999)
