"""Decoders by the name of their encoding, as EventPacket messages and the readers of RAW files give it."""

from snn_core.errors import UserError
from snn_core.events.codecs.decoder import Decoder
from snn_core.events.codecs.evt2 import Evt2Decoder
from snn_core.events.codecs.evt3 import Evt3Decoder
from snn_core.events.codecs.evt21 import Evt21Decoder, LegacyEvt21Decoder
from snn_core.events.codecs.libcaer import LibcaerDecoder
from snn_core.events.codecs.libcaer_cmp import LibcaerCmpDecoder
from snn_core.events.codecs.mono import MonoDecoder
from snn_core.events.codecs.trigger import TriggerDecoder

DECODERS: dict[str, type[Decoder]] = {
    decoder.encoding: decoder
    for decoder in (
        Evt2Decoder,
        Evt21Decoder,
        LegacyEvt21Decoder,
        Evt3Decoder,
        LibcaerDecoder,
        LibcaerCmpDecoder,
        MonoDecoder,
        TriggerDecoder,
    )
}


def make_decoder(encoding: str, width: int, height: int, is_bigendian: bool = False) -> Decoder:
    """A decoder for one stream of packets.

    width, height: size of the sensor, pixels.
    is_bigendian: byte order of the packets' words.

    Raises UserError for an unknown encoding or a sensor size that cannot be.
    """
    if encoding not in DECODERS:
        raise UserError(f"encoding {encoding!r} is unknown; expected one of: {', '.join(sorted(DECODERS))}")
    return DECODERS[encoding](width, height, is_bigendian)
