"""Raw format EVT2.1 of Prophesee's sensors: 64-bit words, each of up to 32 events in a row of pixels.

The upper 32 bits are a word of EVT2 (see evt2.py). The lower ones of a CD word say which pixels changed: bit i is an
event at the word's x + i. Other words do not use them.

Source: Prophesee, "EVT 2.1 Format", data encoding formats,
https://docs.prophesee.ai/stable/data/encoding_formats/evt21.html

Gen4.1 and IMX636 sensors send the upper half first, each half little-endian (`endianness=legacy` in the header of a RAW
file), GenX320 the whole word little-endian.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from snn_core.events.codecs.evt2 import Evt2Decoder
from snn_core.events.events import Events


class Evt21Decoder(Evt2Decoder):
    """Decoder of `evt21`."""

    encoding = "evt21"
    word_bytes = 8
    _head_bit = 32


class LegacyEvt21Decoder(Evt2Decoder):
    """Decoder of `evt21_legacy`: the upper half of a word comes first, whatever the order of bytes in each half."""

    encoding = "evt21_legacy"
    word_bytes = 8
    swapped_bytes = 4
    _head_bit = 0 if sys.byteorder == "little" else 32

    def _decode_words(self, words: NDArray[np.unsignedinteger], time_base_ns: int) -> Events:
        return super()._decode_words(np.require(words.view(np.uint64), requirements=["A"]), time_base_ns)
