"""Sizes of sensors, for files that do not give them."""

# Width and height, pixels.
SIZES = (
    (34, 34),  # N-MNIST
    (128, 128),  # DVS128
    (240, 180),  # DAVIS240
    (304, 240),  # ATIS, Prophesee Gen1
    (320, 240),  # DVXplorer Lite
    (320, 320),  # Prophesee GenX320
    (346, 260),  # DAVIS346
    (480, 360),  # Prophesee Gen2 and Gen3 CD
    (640, 480),  # Prophesee Gen3 and Gen3.1, DVXplorer
    (1280, 720),  # Prophesee Gen4, Gen4.1, IMX636
    (1280, 800),  # CeleX-V
)
MIN_SHARE = 0.95
"""How much of a sensor's sides events must reach for it to be taken for theirs."""


def fitting_size(width: int, height: int) -> tuple[int, int]:
    """The size of a sensor whose events lie within ``width`` x ``height``: a known one hardly larger, else the same."""
    for known_width, known_height in SIZES:
        if MIN_SHARE * known_width <= width <= known_width and MIN_SHARE * known_height <= height <= known_height:
            return known_width, known_height
    return width, height
