import lz4.frame
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.events.files.aedat4.lz4_frame import DAMAGED, NO_ROOM, SLACK, decompress_frame

pieces = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 60)), max_size=12)
options = st.fixed_dictionaries(
    {
        "block_size": st.sampled_from([lz4.frame.BLOCKSIZE_MAX64KB, lz4.frame.BLOCKSIZE_MAX256KB]),
        "block_linked": st.booleans(),
        "compression_level": st.sampled_from([0, 9]),
        "content_checksum": st.booleans(),
        "block_checksum": st.booleans(),
        "store_size": st.booleans(),
    }
)


def decompress(frame: bytes, room: int, first: int = 0) -> tuple[int, bytes]:
    source = np.frombuffer(frame + bytes(SLACK), np.uint8)
    target = np.full(first + room + SLACK, 0xAA, np.uint8)
    end = int(decompress_frame(source, 0, len(frame), target, first, first + room))
    return end, target[first : max(end, first)].tobytes()


@given(pieces, options)
def test_it_and_the_library_agree(pieces, options):
    content = b"".join(piece * times for piece, times in pieces)
    frame = lz4.frame.compress(content, **options)
    assert decompress(frame, len(content), first=5) == (5 + len(content), content)


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
def test_large_and_incompressible_content(size: int):
    noise = np.random.default_rng(1).bytes(size)
    for content in (noise, noise[: size // 2] * 2, bytes(size)):
        assert decompress(lz4.frame.compress(content), len(content)) == (len(content), content)


@given(pieces, st.data())
def test_too_little_room_is_said(pieces, data):
    content = b"".join(piece * times for piece, times in pieces) + b"x"
    room = data.draw(st.integers(0, len(content) - 1))
    assert decompress(lz4.frame.compress(content), room)[0] == NO_ROOM


def test_damage_is_said_or_does_no_harm():
    rng = np.random.default_rng(3)
    content = b"".join(bytes(rng.integers(0, 9, 8, dtype=np.uint8)) * int(n) for n in rng.integers(1, 9, 300))
    frame = lz4.frame.compress(content)
    said = 0
    for _ in range(5000):
        damaged = bytearray(frame[: rng.integers(0, len(frame) + 1)] if rng.random() < 0.2 else frame)
        for place in rng.integers(0, len(frame), 3):
            if place < len(damaged):
                damaged[place] ^= 1 << rng.integers(0, 8)
        end, _ = decompress(bytes(damaged), len(content))
        assert end in (DAMAGED, NO_ROOM) or 0 <= end <= len(content)
        said += end < 0
    assert said > 1000


def test_what_is_no_frame():
    for data in (b"", b"\x04\x22\x4d\x18", bytes(100), lz4.frame.compress(b"abc")[:-4]):
        assert decompress(data, 100)[0] == DAMAGED
