import numpy as np
import pytest

from snn_core.events.codecs.registry import make_decoder
from tests.events.streams import as_tuples

WORD = 0x1000_0000_0000_0000 | 5 << 54 | 32 << 43 | 7 << 32  # ON, 5 us, x 32, y 7
TIME = 0x8000_0001_0000_0000  # 64 us


def words(*numbers: int) -> bytes:
    return np.array(numbers, "<u8").tobytes()


def test_each_bit_of_a_word_is_an_event_in_its_row():
    decoder = make_decoder("evt21", 640, 480)
    assert as_tuples(decoder.decode(words(TIME, WORD | 0x8000_0005, WORD & ~(1 << 60) | 2, WORD))) == [
        (69, 32, 7, 1),
        (69, 34, 7, 1),
        (69, 63, 7, 1),
        (69, 33, 7, 0),
    ]


def test_halves_in_the_other_order():
    """As sensors before GenX320 send them: 0x0102030405060708 comes as 04 03 02 01 08 07 06 05."""
    data = np.array([TIME, WORD | 6], ">u8").view(">u4").astype("<u4").tobytes()
    assert as_tuples(make_decoder("evt21_legacy", 640, 480).decode(data)) == [(69, 33, 7, 1), (69, 34, 7, 1)]
    assert data[:8].hex() == "0100008000000000"


def test_only_the_pixels_on_the_sensor_are_kept():
    decoder = make_decoder("evt21", 40, 8)
    assert as_tuples(decoder.decode(words(WORD | 1, TIME, WORD | 0xFFFF))) == [(69, x, 7, 1) for x in range(32, 40)]
    assert (decoder.dropped_outside, decoder.dropped_untimed) == (8, 1)


def test_triggers_and_other_words():
    decoder = make_decoder("evt21", 640, 480)
    data = words(TIME, 0xA000_0000_0000_0000 | 9 << 54 | 5 << 40 | 1 << 32, 0xE << 60, 0xF << 60, 0x2 << 60)
    assert len(decoder.decode(data)) == 0
    triggers = decoder.take_triggers()
    assert (triggers.t.tolist(), triggers.channel.tolist(), triggers.edge.tolist()) == ([73], [5], [1])
    assert (decoder.triggers, decoder.unknown_words) == (1, 1)


@pytest.mark.parametrize("step", [-1, 1])
def test_the_clock_is_that_of_evt2(step: int):
    top = 0x8FFF_FFFF_0000_0000
    data = words(*([top, WORD | 1, TIME, WORD | 1][::step] if step == 1 else [TIME, WORD | 1, top, WORD | 1]))
    decoder = make_decoder("evt21", 640, 480)
    times = decoder.decode(data).t.tolist()
    assert times == ([2**34 - 59, 2**34 + 69] if step == 1 else [69, 69])
    assert decoder.steps_back == (step == -1)
