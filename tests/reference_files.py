"""The slow, obviously right twins of what reads event files: one event, one line, one byte after the other.

The formats that are read by fixed fields have theirs in tests/events/files/making.py, which writes them.
"""

import itertools
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from snn_core.events.files.limits import MAX_TIME, UNTIMED
from snn_core.events.files.screen import MAX_STEP_BACK

Row = tuple[int, int, int, int]
WORDS = {"true": "1", "t": "1", "false": "0", "f": "0", "on": "1", "off": "0"}


def screen(rows: list[Row], width: int, height: int) -> tuple[list[Row], Counter]:
    """The (t, x, y, polarity) that come through, in one batch, and what was counted."""
    kept: list[Row] = []
    counts: Counter = Counter()
    shift = 0
    previous = None
    for t, x, y, polarity in rows:
        if x >= width or y >= height:
            counts["dropped_outside"] += 1
            continue
        if abs(t) > MAX_TIME:
            counts["dropped_untimed"] += 1
            continue
        time = t + shift
        if previous is not None and time < previous:
            counts["steps_back"] += 1
        if kept and time < kept[-1][0] - MAX_STEP_BACK:
            before = kept[-2][0] if len(kept) > 1 else None
            is_alone = before is None or kept[-1][0] > before
            if is_alone and (before is None or time >= before - MAX_STEP_BACK):
                kept[-1] = (time if before is None else before, *kept[-1][1:])
            else:
                counts["restarts"] += 1
                shift += kept[-1][0] - time
                time = kept[-1][0]
        previous = time
        kept.append((max(time, kept[-1][0]) if kept else time, x, y, polarity))
    return kept, counts


def unroll(times: list[int]) -> list[int]:
    """Times of 32 bits, unrolled."""
    unrolled: list[int] = []
    for time in times:
        latest = max(unrolled, default=None)
        if latest is None:
            unrolled.append(time)
            continue
        turn = latest // 2**32 * 2**32
        ahead = turn + time - latest
        if ahead < -(2**31):
            unrolled.append(turn + time + 2**32)
        elif turn and ahead >= 2**32 - 2**16:
            unrolled.append(turn + time - 2**32)
        else:
            unrolled.append(turn + time)
    return unrolled


def parse_line(line: str, roles: list[str], us_per_unit: Decimal) -> Row | None:
    """The event of a line of text; None for a line that is none. Coordinates that do not fit are 65535."""
    for separator in ",;\"'[]()\t":
        line = line.replace(separator, " ")
    tokens = line.split()
    if len(tokens) < len(roles):
        return None
    values: dict[str, int] = {}
    for role, token in zip(roles, tokens, strict=False):
        if not role:
            continue
        if "_" in token:
            return None
        try:
            number = Decimal(WORDS.get(token.lower(), token))
        except InvalidOperation:
            return None
        if not number.is_finite():
            return None
        if role == "polarity":
            values[role] = int(number > 0)
        elif role == "t":
            time = int((number * us_per_unit).to_integral_value(ROUND_HALF_UP))
            values[role] = time if abs(time) <= 2**62 // 10 * 10 else UNTIMED
        else:
            place = int(number.to_integral_value(ROUND_HALF_UP))
            values[role] = place if 0 <= place < 65535 else 65535
    return values["t"], values["x"], values["y"], values["polarity"]


def summarise(rows: list[Row], window_us: int, min_jump_us: int) -> dict:
    """Counts, sums, peak rate and gaps of sorted events, of which there is one at least."""
    times = [row[0] for row in rows]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    windows = Counter((t - times[0]) // window_us for t in times)
    duration = times[-1] - times[0]
    return {
        "events": len(rows),
        "on": sum(row[3] for row in rows),
        "sum_x": sum(row[1] for row in rows),
        "sum_y": sum(row[2] for row in rows),
        "first_us": times[0],
        "last_us": times[-1],
        "peak_rate_hz": max(windows.values()) * 1e6 / min(duration, window_us) if duration else 0.0,
        "time_jumps": sum(gap >= min_jump_us for gap in gaps),
        "longest_gap_us": max(gaps, default=0),
    }
