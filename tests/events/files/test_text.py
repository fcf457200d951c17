from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.events.files import text
from snn_core.events.files.columns import ROLES
from snn_core.events.recordings import open_recording
from tests import reference_files
from tests.events.files.reading import counts, read
from tests.events.streams import as_tuples, random_events

ROWS = as_tuples(random_events(np.random.default_rng(4), 3000, 240, 180, 2_000_000, 30.0))

numbers = st.one_of(
    st.integers(-(10**12), 10**15).map(str),
    st.decimals(-1000, 10**9, allow_nan=False, places=8).map(lambda d: f"{d:f}"),
    st.tuples(st.decimals(-9, 9, places=5), st.integers(-8, 8)).map(lambda pair: f"{pair[0]}e{pair[1]:+03d}"),
    st.sampled_from(["0", "1", "-1", "+7", ".5", "5.", "-0.0", "1e3", "True", "false", "ON", "off"]),
    st.sampled_from(["nan", "inf", "x", "1.2.3", "--1", "e5", "1e", "0x10", "1_000", "t"]),
)
lines = st.lists(st.lists(numbers, max_size=6), max_size=8)


def parse(content: str, roles: list[str], shift: int) -> tuple[list[tuple[int, int, int, int]], int]:
    data = np.frombuffer(content.encode(), np.uint8)
    columns = np.array([ROLES.index(role) + text.TIME if role else text.SKIPPED for role in roles], np.uint8)
    n = content.count("\n")
    arrays = (np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16), np.empty(n, np.uint8))
    kept, bad = text._parse_lines(data, columns, shift, text.SEPARATORS, *arrays)
    return list(zip(*(array[:kept].tolist() for array in arrays), strict=True)), bad


@given(
    lines,
    st.sampled_from([0, 6, -3]),
    st.permutations(["t", "x", "y", "polarity", ""]),
    st.sampled_from([" ", ",", ";\t"]),
)
def test_kernel_and_twin_agree(lines, shift, roles, separator):
    written = [separator.join(line) for line in lines]
    kept, bad = parse("".join(f"{line}\r\n" for line in written), roles, shift)
    expected = [
        reference_files.parse_line(line, roles, Decimal(10) ** shift) for line in written if line.strip(" ;\t,")
    ]
    assert kept == [row for row in expected if row is not None]
    assert bad == expected.count(None)


def write(path: Path, rows, form: str, header: str = "", end: str = "\n") -> Path:
    lines = (form.format(t=t, x=x, y=y, p=p, s=t / 1e6, sign=2 * p - 1, word=bool(p)) for t, x, y, p in rows)
    path.write_text(header + end.join(lines) + end, newline="")
    return path


@pytest.mark.parametrize(
    ("form", "header", "end", "size"),
    [
        ("{s:.9f} {x} {y} {p}", "", "\n", None),  # RPG's event camera dataset
        ("{s:.6f} {x} {y} {p}", "240 180\n", "\n", (240, 180)),  # e2vid
        ("{x},{y},{p},{t}", "", "\n", None),  # Metavision
        ("{t},{x},{y},{p}", "t,x,y,p\n", "\r\n", None),
        ("{t},{x},{y},{word}", "timestamp,x,y,polarity\n", "\n", None),  # DV
        ("{x}\t{y}\t{sign}\t{t}", "", "\n", None),
        ("{s:.18e} {x:.18e} {y:.18e} {sign:.18e}", "", "\n", None),  # numpy.savetxt
        ("{t} {x} {y} {p} 7 8", "# t x y p a b\n", "\n", None),
        ("[{t}, {x}, {y}, {p}]", "", "\n", None),
        ("{p};{y};{x};{t}", "polarity;y [px];x [px];time [us]\n", "\n", None),
        ("{t}000 {x} {y} {p}", "t_ns x y p\n", "\n", None),
        ("1700000{t:09d}000,{x},{y},{p}", "", "\n", None),
        (
            "{t} {x} {y} {p}",
            "\ufeff% written by nobody\n// t x y p\n\n# a remark, of more, words than, four\n",
            "\n",
            None,
        ),
    ],
)
def test_orders_units_and_headers(tmp_path: Path, form: str, header: str, end: str, size):
    path = write(tmp_path / "events.txt", ROWS, form, header, end)
    found, recording = read(path)
    offset = 1_700_000_000_000_000 if form.startswith("1700") else 0
    assert as_tuples(found) == [(offset + t, x, y, p) for t, x, y, p in ROWS]
    assert (recording.format, recording.width, recording.height) == ("text", 240, 180)
    assert any("taken from the events" in note for note in recording.notes) == (size is None)
    assert counts(recording) == {}


def test_blocks_and_a_last_line_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("snn_core.events.files.text.blocks.__defaults__", (100,))
    path = write(tmp_path / "events.csv", ROWS, "{t},{x},{y},{p}")
    path.write_bytes(path.read_bytes()[:-1])
    assert as_tuples(read(path)[0]) == ROWS


def test_lines_that_are_none_are_counted(tmp_path: Path):
    path = write(tmp_path / "events.txt", ROWS, "{t} {x} {y} {p}")
    with path.open("a") as file:
        file.write("nothing\n1 2 3\n\n# remark\n2200000 1 2 1\n2200001 999999 2 1\n2200002 -1 2 1\n" + "9" * 10_000)
    found, recording = read(path)
    assert as_tuples(found) == [*ROWS, (2200000, 1, 2, 1)]
    assert counts(recording) == {"unknown_words": 2, "dropped_outside": 2, "damaged_bytes": 10_000}


def test_a_file_that_is_cut(tmp_path: Path):
    path = write(tmp_path / "events.txt", ROWS, "{t} {x} {y} {p}")
    path.write_bytes(path.read_bytes()[:-4])
    found, recording = read(path)
    assert (as_tuples(found), counts(recording)) == (ROWS[:-1], {"unknown_words": 1})


@pytest.mark.parametrize(
    "content",
    [
        "no recording at all\n",
        "t x y p\n" * 100,
        "1 2 3\n" * 100,
        "".join(f"{i / 100} 0.1 -9.8 0.2 0.01 0.02 0.03\n" for i in range(1000)),  # an IMU's
        "".join(f"{i / 100} images/frame_{i:06d}.png\n" for i in range(1000)),
        "1000 1 2 1\n" + "a line that is none\n" * 5,
    ],
)
def test_other_text_is_none(tmp_path: Path, content: str):
    path = tmp_path / "imu.txt"
    path.write_text(content)
    with pytest.raises(UserError, match="not a known recording"):
        open_recording(path)
