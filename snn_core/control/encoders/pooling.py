"""From a network's description of its pools to the pools themselves; neither the network nor events know the other."""

from snn_core.control.encoders.pooling_spec import PoolingSpec, RectanglesSpec
from snn_core.events.log_polar import LogPolarPooling
from snn_core.events.pooling import Pooling, RectanglePooling


def make_pooling(spec: PoolingSpec, width: int, height: int) -> Pooling:
    """The pools of a sensor (px). Raises UserError where it is too small for them."""
    per_polarity = spec.polarity == "separate"
    if isinstance(spec, RectanglesSpec):
        crop = spec.crop
        return RectanglePooling(
            width,
            height,
            rows=spec.rows,
            columns=spec.columns,
            crop_top=crop.top,
            crop_bottom=crop.bottom,
            crop_left=crop.left,
            crop_right=crop.right,
            per_polarity=per_polarity,
        )
    return LogPolarPooling(
        width, height, spec.rings, spec.sectors, spec.fovea_px, spec.radius_px, spec.centre, per_polarity
    )
