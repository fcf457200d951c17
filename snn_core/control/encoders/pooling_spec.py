"""How pixels make up the inputs of a network: the description that ``snn_core.events.pooling`` is built from."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from snn_core.files import StrictModel


class Crop(StrictModel):
    """Pixels left out at each edge of the sensor."""

    top: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)
    left: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)


class _Pools(StrictModel):
    """Pixels in pools, each an input neuron (two with ``polarity: separate``)."""

    sensor: tuple[int, int] | Literal["any"] = Field(
        default="any", description="width, height in pixels; any: the stream's"
    )
    polarity: Literal["merged", "separate"] = "merged"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pools of one polarity."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of pools."""
        rows, columns = self.shape
        return rows * columns * (2 if self.polarity == "separate" else 1)


class RectanglesSpec(_Pools):
    """Rectangles of pixels."""

    kind: Literal["rectangles"] = "rectangles"
    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    crop: Crop = Field(default_factory=Crop)

    @model_validator(mode="after")
    def _every_pool_has_pixels(self) -> "RectanglesSpec":
        if self.sensor == "any":
            return self
        crop, (width, height) = self.crop, self.sensor
        for side, pools, pixels in (
            ("columns", self.columns, width - crop.left - crop.right),
            ("rows", self.rows, height - crop.top - crop.bottom),
        ):
            if pixels < pools:
                raise ValueError(f"{side} must be at most the {side} of pixels left by crop ({pixels}), found {pools}")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns


class LogPolarSpec(_Pools):
    """Rings cut into sectors, fine in the middle as an eye's fovea; see ``snn_core.events.log_polar``."""

    kind: Literal["log_polar"]
    rings: int = Field(ge=1)
    sectors: int = Field(ge=1)
    fovea_px: float = Field(gt=0, description="within it rings are about equally wide")
    radius_px: float | None = Field(default=None, gt=0, description="null: half of the sensor's shorter side")
    centre: tuple[float, float] | None = Field(default=None, description="x, y in pixels; null: the sensor's")

    @property
    def shape(self) -> tuple[int, int]:
        return self.rings, self.sectors


def _kind(value: Any) -> str:
    """Rectangles unless told otherwise."""
    return value.get("kind", "rectangles") if isinstance(value, dict) else getattr(value, "kind", "rectangles")


PoolingSpec = Annotated[
    Annotated[RectanglesSpec, Tag("rectangles")] | Annotated[LogPolarSpec, Tag("log_polar")], Discriminator(_kind)
]
