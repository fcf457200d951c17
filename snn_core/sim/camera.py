"""A pinhole camera on the robot that looks ahead and down at the painted road."""

import math

import numpy as np
from pydantic import Field

from snn_core.files import StrictModel
from snn_core.sim import camera_kernels as kernels
from snn_core.sim.track import Track
from snn_core.sim.track_marks import least_light, track_marks

_SHADES = 1025  # interpolated between; at a contrast of 3 the error is below 1e-6


class CameraSpec(StrictModel):
    """Camera pose, optics and reflectances. By default a DVS128 on a robot of the Pioneer's size.

    Its rows 40 to 103 then see the road from 0.3 m to 3 m ahead of the camera, those below it down to 0.2 m.
    """

    width: int = Field(default=128, ge=1, le=4096, description="columns (px)")
    height: int = Field(default=128, ge=1, le=4096, description="rows (px)")
    field_of_view_deg: float = Field(default=70.0, ge=5.0, le=150.0, description="horizontal field of view (degrees)")
    height_m: float = Field(default=0.3, ge=0.02, le=10.0, description="height above the ground (m)")
    forward_m: float = Field(default=0.15, ge=-5.0, le=5.0, description="distance ahead of the wheels' axle (m)")
    pitch_deg: float = Field(default=20.0, ge=-30.0, le=80.0, description="optical axis below the horizon (degrees)")
    yaw_deg: float = Field(default=0.0, ge=-90.0, le=90.0, description="optical axis to the left of ahead (degrees)")
    range_m: float = Field(
        default=10.0, ge=0.1, le=100.0, description="distance ahead beyond which no paint is seen (m)"
    )
    ground_intensity: float = Field(default=0.2, ge=0.01, le=1.0, description="intensity of the road (reflectance)")
    marking_intensity: float = Field(default=0.6, ge=0.01, le=1.0, description="intensity of paint (reflectance)")
    background_intensity: float = Field(
        default=0.4, ge=0.01, le=1.0, description="intensity above the horizon (reflectance)"
    )
    footprint_px: float = Field(default=1.0, ge=0.1, le=10.0, description="width over which a pixel averages (px)")
    light: float = Field(
        default=1.0, ge=1e-6, le=1e6, description="light on the scene, 1 where intensities are as they say"
    )
    dark_intensity: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="what a pixel's dark current adds to all intensities; in little light it hides contrast",
    )
    max_motion_px: float = Field(
        default=1.0,
        ge=0.01,
        le=100.0,
        description="a row is rendered again before its picture has moved by this much (px)",
    )


class Renderer:
    """What a camera sees of a track: natural logarithm of intensity, float32 (height, width).

    The camera is at height h and pitched down by p; f is its focal length (px). The ray of a row y pixels below the
    optical axis meets the ground after h / (sin p + (y / f) cos p) along the axis. All pixels of a row are equally far
    ahead and equally wide on the ground, which ``rows`` (see camera_kernels.py) holds and which makes rendering cheap.
    """

    def __init__(self, track: Track, spec: CameraSpec) -> None:
        self.track = track
        self.spec = spec
        self.rows, self.background = _trace_rows(spec)
        dash = track.spec.dash
        paint = np.array([0.5 * track.spec.marking_width, dash[0], sum(dash), spec.footprint_px])
        shades = np.linspace(spec.ground_intensity, spec.marking_intensity, _SHADES)
        shade = seen_by_pixel(spec, shades).astype(np.float32)
        self.lowest = float(shade.min())
        """Lowest log intensity of any point of the ground."""
        marks = track_marks(track)
        if marks is None:
            self.scene = (track.segments, track.lines, paint, shade, None)
        else:
            self.scene = (track.segments, track.lines, paint, shade, (*marks, spec.dark_intensity))
            darkest = min(spec.ground_intensity, spec.marking_intensity) * least_light(marks.shadows)
            self.lowest = min(self.lowest, float(seen_by_pixel(spec, np.array(darkest))))

    def render(self, x: float, y: float, yaw: float, out: np.ndarray | None = None) -> np.ndarray:
        """The view from a robot's pose (m, m, rad): log intensity, float32 (height, width), into ``out`` if given."""
        shape = (self.spec.height, self.spec.width)
        if out is None:
            out = np.empty(shape, np.float32)
        elif out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError(f"out: expected a contiguous float32 array of shape {shape}")
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(yaw)):
            raise ValueError(f"expected a finite pose, found {x}, {y}, {yaw}")
        x, y, cosine, sine = (values.item() for values in self.view(*np.array([[x], [y], [yaw]])))
        kernels.paint_image(out, x, y, cosine, sine, self.rows, self.background, self.scene)
        return out

    def view(self, x: np.ndarray, y: np.ndarray, yaw: np.ndarray) -> tuple[np.ndarray, ...]:
        """Place (m) and direction (cosine, sine) of the robot that would see the same with a camera looking ahead.

        x, y (m), yaw (rad): each (n,).
        """
        mount, forward = math.radians(self.spec.yaw_deg), self.spec.forward_m
        if mount == 0.0:
            return x, y, np.cos(yaw), np.sin(yaw)
        cosine, sine = np.cos(yaw + mount), np.sin(yaw + mount)
        return x + forward * (np.cos(yaw) - cosine), y + forward * (np.sin(yaw) - sine), cosine, sine


def _trace_rows(spec: CameraSpec) -> tuple[np.ndarray, np.ndarray]:
    """``rows`` (height, 5; see camera_kernels.py), and each row's log intensity without paint, float32 (height)."""
    focal = 0.5 * spec.width / math.tan(math.radians(0.5 * spec.field_of_view_deg))
    pitch = math.radians(spec.pitch_deg)
    y = (np.arange(spec.height) + 0.5 - 0.5 * spec.height) / focal
    drop = math.sin(pitch) + y * math.cos(pitch)  # of the ray, for a unit of length along the optical axis
    with np.errstate(divide="ignore"):
        depth = np.where(drop > 0.0, spec.height_m / drop, np.inf)
        ahead = depth * (math.cos(pitch) - y * math.sin(pitch))
    seen = (drop > 0.0) & (ahead <= spec.range_m)
    background = np.where(drop > 0.0, spec.ground_intensity, spec.background_intensity)
    rows = np.zeros((spec.height, 5))
    depth, ahead, drop = depth[seen], ahead[seen], drop[seen]
    across = depth / focal
    along = spec.height_m / (focal * drop**2)  # derivative of `ahead` by the row: h (cos^2 p + sin^2 p) / drop^2
    edge = 0.5 * spec.width
    # A metre driven moves the picture down by 1 / along, and outwards at the edge as depth shrinks by cos(p) metres.
    down, outwards = 1.0 / along, edge * math.cos(pitch) / depth
    # A radian turned moves a point sideways by its distance ahead of the axle and along by that to the side, which at
    # the edge changes its depth, too.
    sideways = (ahead + spec.forward_m) / across + edge**2 * math.cos(pitch) * across / depth
    back = edge * across / along
    rows[seen] = np.column_stack(
        [ahead + spec.forward_m, across, along, np.hypot(down, outwards), np.hypot(sideways, back)]
    )
    if spec.yaw_deg != 0.0:
        _turn_motion(rows, spec)
    return rows, seen_by_pixel(spec, background).astype(np.float32)


def seen_by_pixel(spec: CameraSpec, intensity: np.ndarray) -> np.ndarray:
    """Natural logarithm of what a pixel's photodiode gives for an intensity (reflectance), dark current included."""
    return np.log(spec.light * intensity + spec.dark_intensity)


def _turn_motion(rows: np.ndarray, spec: CameraSpec) -> None:
    """Bounds of the apparent motion for a camera that looks to a side: driving moves its picture sideways, too."""
    yaw = math.radians(spec.yaw_deg)
    seen = rows[:, kernels.ACROSS] > 0.0
    along, sideways = rows[seen, kernels.MOTION_PER_M], 1.0 / rows[seen, kernels.ACROSS]
    rows[seen, kernels.MOTION_PER_M] = abs(math.cos(yaw)) * along + abs(math.sin(yaw)) * sideways
    # The point about which rows are laid out circles the axle at this distance.
    rows[seen, kernels.MOTION_PER_RAD] += 2.0 * abs(spec.forward_m * math.sin(0.5 * yaw)) * (along + sideways)
