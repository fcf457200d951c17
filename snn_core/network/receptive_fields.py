"""Receptive fields: each postsynaptic neuron of a sheet sees a part of the retina, with a profile over it."""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from snn_core.files import StrictModel
from snn_core.network.compressed_rows import CompressedRows, begins, check_size

Floats = NDArray[np.float64]
Side = Annotated[int, Field(ge=1)]
Length = Annotated[float, Field(gt=0)]

_EDGE = 1e-9
"""Far more than the rounding of a squared distance, which must not lose a pixel that lies on the edge of an ellipse."""


class UniformProfile(StrictModel):
    """1 everywhere."""

    kind: Literal["uniform"] = "uniform"

    def bounds(self) -> tuple[float, float]:
        """Bounds of the profile."""
        return 1.0, 1.0

    def evaluate(self, down: Floats, right: Floats) -> Floats:
        """The profile at points ``down`` and ``right`` (pixels) from the field's centre."""
        return np.ones(np.broadcast_shapes(down.shape, right.shape))


class GaussianProfile(StrictModel):
    """exp(-d^2 / (2 sigma^2)) at the distance d from the centre, 1 there.

    The shape that Rodieck (1965, Vision Res. 5, 583-601) gives to a ganglion cell's centre.
    """

    kind: Literal["gaussian"]
    sigma: Length = Field(description="standard deviation, presynaptic pixels")

    def bounds(self) -> tuple[float, float]:
        """Bounds of the profile."""
        return 0.0, 1.0

    def evaluate(self, down: Floats, right: Floats) -> Floats:
        """The profile at points ``down`` and ``right`` (pixels) from the field's centre."""
        return _gaussian(down**2 + right**2, self.sigma)


class DifferenceOfGaussiansProfile(StrictModel):
    """exp(-d^2 / (2 sigma_centre^2)) - surround_gain exp(-d^2 / (2 sigma_surround^2)) at the distance d from the
    centre.

    The centre and surround of ganglion cells of Rodieck (1965, Vision Res. 5, 583-601) and Enroth-Cugell and Robson
    (1966, J. Physiol. 187, 517-552), whose radii are sqrt(2) sigma. Over the whole plane centre and surround cancel at
    surround_gain = (sigma_centre / sigma_surround)^2.
    """

    kind: Literal["difference_of_gaussians"]
    sigma_centre: Length = Field(description="presynaptic pixels")
    sigma_surround: Length = Field(description="presynaptic pixels")
    surround_gain: float = Field(ge=0, description="peak of the surround, that of the centre being 1")

    def bounds(self) -> tuple[float, float]:
        """Bounds of the profile."""
        return -self.surround_gain, 1.0

    def evaluate(self, down: Floats, right: Floats) -> Floats:
        """The profile at points ``down`` and ``right`` (pixels) from the field's centre."""
        squared = down**2 + right**2
        return _gaussian(squared, self.sigma_centre) - self.surround_gain * _gaussian(squared, self.sigma_surround)


class GaborProfile(StrictModel):
    """exp(-d^2 / (2 sigma^2)) cos(2 pi s / wavelength + phase), d the distance from the centre and s that along the
    orientation, s = right cos(orientation) + down sin(orientation).

    Simple cells of Daugman (1985, J. Opt. Soc. Am. A 2, 1160-1169) and Jones and Palmer (1987, J. Neurophysiol. 58,
    1233-1258), with a circular envelope.
    """

    kind: Literal["gabor"]
    sigma: Length = Field(description="standard deviation of the envelope, presynaptic pixels")
    wavelength: Length = Field(description="presynaptic pixels")
    orientation_deg: float = Field(
        default=0.0, description="across the stripes, from right towards down: 0 has upright stripes, 90 level ones"
    )
    phase_deg: float = Field(default=0.0, description="0: a stripe of 1 at the centre, even; 90 and -90: odd")

    def bounds(self) -> tuple[float, float]:
        """Bounds of the profile."""
        return -1.0, 1.0

    def evaluate(self, down: Floats, right: Floats) -> Floats:
        """The profile at points ``down`` and ``right`` (pixels) from the field's centre."""
        orientation, phase = np.deg2rad(self.orientation_deg), np.deg2rad(self.phase_deg)
        along = right * np.cos(orientation) + down * np.sin(orientation)
        return _gaussian(down**2 + right**2, self.sigma) * np.cos(2 * np.pi * along / self.wavelength + phase)


Profile = Annotated[
    UniformProfile | GaussianProfile | DifferenceOfGaussiansProfile | GaborProfile, Field(discriminator="kind")
]


def _both_axes(radius: Any) -> Any:
    return (radius, radius) if isinstance(radius, int | float) else radius


class ReceptiveField(StrictModel):
    """A neuron sees the presynaptic pixels around its own place, scaled onto the retina.

    For row r, column c of the postsynaptic sheet these are the pixels of the rectangle or ellipse with the half-axes
    ``radius``, its edge included.

    The sheets cover the same area. In units of presynaptic pixels, pixel i lying at i, the centre's row is
    (r + 1/2) pre_rows / post_rows - 1/2, its column likewise. Presynaptic neurons are numbered as the inputs of a
    pooling are: row by row, with ``pre_channels: 2`` first all of OFF, then all of ON; every channel is seen alike. The
    profile multiplies the initial weights.

    With ``wrap`` both axes of the retina are closed to rings, and of a pixel's images the nearest counts. At half a
    ring, where two are equally near, it is the one towards up and left.
    """

    kind: Literal["receptive_field"]
    pre_shape: tuple[Side, Side] = Field(description="rows, columns of the presynaptic population")
    post_shape: tuple[Side, Side] = Field(description="rows, columns of the postsynaptic population")
    pre_channels: Side = Field(default=1, description="2 for an encoder with polarity: separate")
    radius: Annotated[tuple[Length, Length], BeforeValidator(_both_axes)] = Field(
        description="half-axes of the field over rows and columns, presynaptic pixels; one number is both"
    )
    shape: Literal["rectangle", "ellipse"] = "rectangle"
    wrap: bool = False
    profile: Profile = UniformProfile()
    allow_self: bool = Field(default=True, description="for a recurrent connection: may a neuron have itself as target")

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError, naming the key, when the sheets do not have n_pre and n_post neurons or the field of some
        neuron is empty.
        """
        rows, columns = self.pre_shape
        if self.pre_channels * rows * columns != n_pre:
            raise ValueError(
                f"pre_shape must have the presynaptic population's {n_pre} neurons, found {rows} x {columns} "
                f"in {self.pre_channels} channel{'s' if self.pre_channels > 1 else ''}"
            )
        rows, columns = self.post_shape
        if rows * columns != n_post:
            raise ValueError(
                f"post_shape must have the postsynaptic population's {n_post} neurons, found {rows} x {columns}"
            )
        nearest = [np.abs(self._distances(axis)).min(axis=0).max() for axis in (0, 1)]
        if not self._covers(*nearest):
            raise ValueError(
                f"radius must reach the pixel nearest to each field's centre, up to {nearest[0]:g} rows and "
                f"{nearest[1]:g} columns away, found {list(self.radius)}"
            )

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """The synapses; nothing is drawn. Sizes as ``check`` has found them right. Raises ValueError when there are too
        many.
        """
        blocks = self._rows_of_synapses()
        counts = np.tile(np.concatenate([counts for counts, _, _ in blocks]), self.pre_channels)
        row_begin = begins(counts)
        post = np.tile(np.concatenate([post for _, post, _ in blocks]), self.pre_channels)
        scale = None
        if not isinstance(self.profile, UniformProfile):
            scale = np.tile(np.concatenate([scale for _, _, scale in blocks]), self.pre_channels)
        if same and not self.allow_self:
            pre = np.repeat(np.arange(n_pre, dtype=np.int32), counts)
            kept = pre != post
            row_begin = begins(np.bincount(pre[kept], minlength=n_pre))
            post, scale = post[kept], None if scale is None else scale[kept]
        return CompressedRows(row_begin, post, scale)

    def _distances(self, axis: int) -> Floats:
        """From the centre of a postsynaptic row (axis 0) or column to a presynaptic one, pixels, shape (pre, post).

        Counted in whole numbers of 1 / (2 post) pixels, so that mirrored fields have mirrored synapses.
        """
        pre, post = self.pre_shape[axis], self.post_shape[axis]
        units = 2 * post * np.arange(pre)[:, None] - ((2 * np.arange(post)[None, :] + 1) * pre - post)
        if self.wrap:
            ring = 2 * post * pre
            units = (units + ring // 2) % ring - ring // 2
        return units / (2 * post)

    def _covers(self, down: Floats | float, right: Floats | float) -> Any:
        if self.shape == "rectangle":
            return (np.abs(down) <= self.radius[0]) & (np.abs(right) <= self.radius[1])
        return (down / self.radius[0]) ** 2 + (right / self.radius[1]) ** 2 <= 1 + _EDGE

    def _rows_of_synapses(self) -> list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]]:
        """For each row of presynaptic pixels of one channel: synapses of each pixel, their targets and profile."""
        down_of_rows, right_of_columns = self._distances(0), self._distances(1)
        post_columns = self.post_shape[1]
        pixel, column = np.nonzero(np.abs(right_of_columns) <= self.radius[1])
        right = right_of_columns[pixel, column]
        blocks, n = [], 0
        for down_of_row in down_of_rows:
            rows = np.flatnonzero(np.abs(down_of_row) <= self.radius[0])
            down = down_of_row[rows]
            seen = np.nonzero(self._covers(down[:, None], right[None, :]))
            order = np.argsort(pixel[seen[1]], kind="stable")
            row, pair = seen[0][order], seen[1][order]
            post = (rows[row] * post_columns + column[pair]).astype(np.int32)
            scale = self.profile.evaluate(down[row], right[pair]).astype(np.float32)
            blocks.append((np.bincount(pixel[pair], minlength=self.pre_shape[1]), post, scale))
            n += post.size * self.pre_channels
            check_size(n, "radius")
        return blocks


def _gaussian(squared_distance: Floats, sigma: float) -> Floats:
    return np.exp(-squared_distance / (2 * sigma**2))
