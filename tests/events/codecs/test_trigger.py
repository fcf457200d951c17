import numpy as np

from snn_core.events.codecs import decoder as decoder_module
from snn_core.events.codecs.registry import make_decoder
from snn_core.events.external_triggers import Triggers
from tests.events.streams import encode_triggers


def test_bits_are_those_of_mono_with_the_channel_for_y():
    decoder = make_decoder("trigger", 640, 480)
    word = 1 << 63 | 0x123 << 48 | 5_500
    assert len(decoder.decode(word.to_bytes(8, "little"), 1_000_600)) == 0
    triggers = decoder.take_triggers()
    assert (triggers.t.tolist(), triggers.channel.tolist(), triggers.edge.tolist()) == ([1006], [0x123], [1])
    assert decoder.triggers == 1


def test_times_are_held_within_packets_and_across():
    decoder = make_decoder("trigger", 640, 480)
    decoder.decode(encode_triggers([(10, 0, 1), (8, 1, 0), (9, 2, 1)], 0), 0)
    decoder.decode(encode_triggers([(7, 3, 1), (12, 4, 0)], 5_000), 5_000)
    triggers = decoder.take_triggers()
    assert triggers.t.tolist() == [10, 10, 10, 10, 12]
    assert triggers.channel.tolist() == [0, 1, 2, 3, 4]
    assert decoder.steps_back == 2


def test_what_nobody_takes_is_bounded(monkeypatch):
    monkeypatch.setattr(decoder_module, "MAX_KEPT_TRIGGERS", 5)
    decoder = make_decoder("trigger", 640, 480)
    for begin in (0, 3, 6):
        decoder.decode(encode_triggers([(begin + i, 0, 0) for i in range(3)], 0))
    assert decoder.take_triggers().t.tolist() == [0, 1, 2, 3, 4]
    assert decoder.triggers == 9
    decoder.decode(encode_triggers([(20, 0, 0)], 0))
    assert decoder.take_triggers().t.tolist() == [20]


def test_arrays_are_checked():
    with np.testing.assert_raises_regex(ValueError, "triggers: t must be a 1-d array of int64, found int32"):
        Triggers(np.zeros(1, np.int32), np.zeros(1, np.uint16), np.zeros(1, np.uint8))  # type: ignore[arg-type]
    with np.testing.assert_raises_regex(ValueError, "triggers: unequal lengths 1, 1, 2"):
        Triggers(np.zeros(1, np.int64), np.zeros(1, np.uint16), np.zeros(2, np.uint8))
