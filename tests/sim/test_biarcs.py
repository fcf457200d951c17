"""Smooth curves of arcs: they end where they shall, have no corner, and stay beside the cubic."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.sim.biarcs import TOLERANCE_M, Bend, cubic_pose, curve_between, hobby_controls

ANGLES = st.floats(-1.8, 1.8)


def driven(bends: list[Bend], spacing_m: float = 0.01) -> tuple[np.ndarray, complex]:
    """Points along lines and arcs from the origin along the real axis, by small steps; and the direction at the end."""
    at, ahead, points = 0j, 1 + 0j, []
    for length, curvature in bends:
        steps = max(1, math.ceil(length / spacing_m))
        for _ in range(steps):
            points.append(at)
            angle = curvature * length / steps
            # A chord of an arc points half its angle further on.
            chord = length / steps * (math.sin(0.5 * angle) / (0.5 * angle) if angle else 1.0)
            at, ahead = at + chord * ahead * cmath.exp(0.5j * angle), ahead * cmath.exp(1j * angle)
    return np.array([*points, at]), ahead


@given(theta=ANGLES, phi=ANGLES, distance=st.floats(0.3, 10.0))
def test_a_curve_reaches_its_pose_and_stays_beside_the_cubic(theta: float, phi: float, distance: float):
    end, end_ahead = distance * cmath.exp(1j * theta), cmath.exp(1j * (theta + phi))
    bends = curve_between(0j, 1 + 0j, end, end_ahead)
    points, ahead = driven(bends)
    assert points[-1] == pytest.approx(end, abs=1e-6)
    assert ahead == pytest.approx(end_ahead, abs=1e-6)
    controls = hobby_controls(0j, 1 + 0j, end, end_ahead)
    cubic = np.array([cubic_pose(controls, t)[0] for t in np.linspace(0.0, 1.0, 101)])
    nearest = np.abs(cubic[:, None] - points).min(axis=1)
    assert nearest.max() < 2.0 * TOLERANCE_M + 0.005  # half a step between points


def test_a_quarter_circle_and_a_line_are_what_they_are():
    bends = curve_between(0j, 1 + 0j, 2 + 2j, 1j)
    assert sum(length for length, _ in bends) == pytest.approx(math.pi, rel=1e-3)
    assert [curvature for _, curvature in bends] == pytest.approx([0.5] * len(bends), rel=1e-2)
    (first, *rest) = curve_between(1 + 1j, 1j, 1 + 4j, 1j)
    assert first.length_m + sum(bend.length_m for bend in rest) == pytest.approx(3.0)
    assert all(curvature == 0.0 for _, curvature in (first, *rest))


def test_a_curve_is_the_same_wherever_it_lies():
    plain = curve_between(0j, 1 + 0j, 3 + 1j, cmath.exp(0.7j))
    turn = cmath.exp(2.0j)
    moved = curve_between(5 - 2j, turn, 5 - 2j + (3 + 1j) * turn, cmath.exp(0.7j) * turn)
    assert np.array(moved) == pytest.approx(np.array(plain), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("end", "end_ahead"), [(0j, 1j), (-1 + 0j, 1 + 0j)])
def test_what_cannot_be_drawn_is_refused(end: complex, end_ahead: complex):
    with pytest.raises(ValueError, match=r"^(expected|no smooth curve)"):
        curve_between(0j, 1 + 0j, end, end_ahead)
