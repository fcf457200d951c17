"""A road from above, as a picture: all its paint, as strong as it is, its shadows and where its lanes start."""

import io
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from snn_core.sim.road_mesh import paint_layers, shadow_corners
from snn_core.sim.track import Track

_ROAD, _GROUND, _PAINT = 0.35, 0.55, 1.0
"""Grays, of 1."""
_LANE_COLOURS = ("#2f80c2", "#d98214")
_MARGIN_M = 0.6
_LARGEST_IN = 9.0
_STYLE: dict[Any, Any] = {"svg.hashsalt": "spikedrive", "svg.fonttype": "none"}


def road_picture(track: Track, kind: str = "svg") -> bytes:
    """The road from above as an SVG or PNG file (``kind``), to scale; the same track gives the same bytes as SVG."""
    borders = np.concatenate([track.line(track.lines[0]), track.line(track.lines[-1])])
    low, high = borders.min(axis=0) - _MARGIN_M, borders.max(axis=0) + _MARGIN_M
    size = _LARGEST_IN * (high - low) / (high - low).max()
    with rc_context(_STYLE):
        figure = Figure(figsize=tuple(size.tolist()), layout="constrained")
        axes = figure.add_subplot(aspect="equal", xlabel="x (m)", ylabel="y (m)", title=_title(track))
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), facecolor=str(_GROUND))
        _paint(axes, track)
        for lane in range(track.lanes):
            tail, head = (track.pose(lane, along) for along in (0.0, track.spec.lane_width))
            arrow = {"arrowstyle": "-|>", "color": _LANE_COLOURS[lane], "lw": 1.5, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=head[:2], xytext=tail[:2], arrowprops=arrow, zorder=5)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _title(track: Track) -> str:
    lanes = "one lane" if track.lanes == 1 else "two lanes"
    return f"{track.name}: {track.length_m:.1f} m, {lanes} of {track.spec.lane_width:g} m"


def _paint(axes: Axes, track: Track) -> None:
    right, left = (track.line(offset) for offset in (track.lines[0], track.lines[-1]))
    axes.fill(*np.concatenate([right, left[::-1]]).T, color=str(_ROAD), lw=0, zorder=0)
    for layer in paint_layers(track):
        gray = str(round(_ROAD + layer.contrast * (_PAINT - _ROAD), 4))
        triangles = layer.mesh.corners[layer.mesh.triangles]
        axes.add_collection(PolyCollection(list(triangles), facecolor=gray, edgecolor=gray, lw=0.2, zorder=2))
    for corners, shadow in zip(shadow_corners(track), track.spec.shadows, strict=True):
        axes.fill(*corners.T, color="black", alpha=1.0 - shadow.intensity, lw=0, zorder=4)
