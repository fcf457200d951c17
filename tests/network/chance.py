"""Bounds for tests of what is drawn at random."""

import math


def chi_square_bound(cells: int, false_alarm: float = 1e-9) -> float:
    """A bound that chi-square exceeds with less than this probability (Laurent and Massart 2000, Ann. Stat. 28, lemma
    1).
    """
    freedom, x = cells - 1, -math.log(false_alarm)
    return freedom + 2 * math.sqrt(freedom * x) + 2 * x
