"""Corrupt files never crash a reader or hang it, and bring no event off the sensor nor a time that runs backwards."""

from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.events.events import Events
from snn_core.events.files.hdf5.tables import DAMAGE, EventTable
from snn_core.events.recordings import open_recording, write_recording
from tests.events.codecs.test_mutation import mutate
from tests.events.files import making
from tests.events.files.reading import check, counts
from tests.events.streams import as_tuples, random_events

WIDTH, HEIGHT = 34, 34
EVENTS = random_events(np.random.default_rng(3), 400, WIDTH, HEIGHT, 5000)
ROWS = as_tuples(EVENTS)
INPUTS = 1000


def written(path: Path) -> bytes:
    write_recording(path, EVENTS, WIDTH, HEIGHT, "C_1")
    data = path.read_bytes()
    path.unlink()
    return data


def packets_of_aedat4(path: Path) -> bytes:
    """Packets of 40 events."""
    from snn_core.events.files.aedat4 import writer as aedat4_writer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aedat4_writer, "PACKET_EVENTS", 40)
        return written(path)


def aedat3(_: Path) -> bytes:
    words = [(making.polarity_word(x, y, polarity), t) for t, x, y, polarity in ROWS]
    triggers = making.aedat3_packet([(2 << 1 | 1, 6000)], kind=0)
    return making.aedat3([making.aedat3_packet(words[:200]), triggers, making.aedat3_compressed(words[200:])])


FILES = {
    "events.aedat4": packets_of_aedat4,
    "events.aedat3": aedat3,
    "events.aedat": lambda _: making.aedat2([(making.dvs128_address(x, y, p), t) for t, x, y, p in ROWS], "DVS128"),
    "events.raw": written,
    "events.dat": written,
    "events.es": lambda _: making.event_stream(ROWS, WIDTH, HEIGHT),
    "atis.es": lambda _: making.event_stream(ROWS, WIDTH, HEIGHT, 2),
    "events.bin": lambda _: making.n_mnist(ROWS),
    "events.csv": written,
    "events.npz": written,
}


@pytest.mark.parametrize("name", FILES)
def test_mutated_files(tmp_path: Path, name: str):
    path = tmp_path / name
    whole = np.frombuffer(FILES[name](path), np.uint8)
    rng = np.random.default_rng(7)
    seen: Counter = Counter()
    refusals: list[str] = []
    for _ in range(INPUTS):
        data = mutate(rng, whole)
        if rng.random() < 0.3:
            data = data[: rng.integers(0, len(data))]
        path.write_bytes(data.tobytes())
        try:
            with open_recording(path) as recording:
                events = Events.concatenate(list(recording))
                triggers = recording.take_triggers()
        except UserError as refusal:
            refusals.append(str(refusal))
            continue
        check(events, recording)
        assert np.all(triggers.t[1:] >= triggers.t[:-1])
        assert len(events) <= len(data)
        seen["kept"] += len(events)
        seen["reported"] += bool(counts(recording))
    assert all("\n" not in said and str(path) in said for said in refusals)
    assert len(refusals) < INPUTS
    if name != "events.npz":  # an archive tells by its checksums that anything is wrong
        assert seen["kept"] > 0.2 * INPUTS * len(EVENTS)
        assert seen["reported"] > 0.3 * INPUTS


def test_mutated_hdf5(tmp_path: Path):
    """In this process, without its limit: a file at which the library hangs would need luck."""
    path = tmp_path / "events.h5"
    with h5py.File(path, "w") as file:
        for name, column in (("t", EVENTS.t), ("x", EVENTS.x), ("y", EVENTS.y), ("p", EVENTS.polarity)):
            file.create_dataset(f"events/{name}", data=column, chunks=(50,), compression="gzip")
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(7)
    seen: Counter = Counter()
    for _ in range(INPUTS):
        data = whole.copy()
        places = rng.integers(0, len(data), 3)
        data[places] ^= (1 << rng.integers(0, 8, 3)).astype(np.uint8)
        path.write_bytes(data.tobytes())
        try:
            table = EventTable(path)
            for n, part in table.parts():
                seen["rows"] += n
                seen["damaged"] += n * (part is None)
            table.close()
        except (UserError, *DAMAGE):
            seen["refused"] += 1
    assert seen["rows"] > seen["damaged"] > 0
    assert 0 < seen["refused"] < INPUTS


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["dvxplorer_320x240.aedat4", "prophesee_gen3_evt2.raw", "prophesee_gen41_evt3.raw"])
def test_real_recordings_cut_and_corrupted(tmp_path: Path, recordings: Path, name: str):
    """What is kept, and what is reported, of a file that is cut in half and of one with a damaged byte in 20000."""
    whole = (recordings / name).read_bytes()
    with open_recording(recordings / name) as recording:
        all_events = Events.concatenate(list(recording))
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 2 + 1])
    with open_recording(path) as recording:
        kept = Events.concatenate(list(recording))
    assert 0.4 * len(all_events) < len(kept) < 0.6 * len(all_events)
    assert kept.equals(all_events[: len(kept)])
    assert counts(recording).keys() - {"steps_back"}

    data = bytearray(whole)
    rng = np.random.default_rng(1)
    for place in rng.integers(4000, len(data), len(data) // 20_000):
        data[place] = rng.integers(0, 256)
    path.write_bytes(data)
    with open_recording(path) as recording:
        kept = Events.concatenate(list(recording))
    check(kept, recording)
    assert len(kept) > 0.4 * len(all_events)
