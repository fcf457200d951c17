"""Values that stand for what no event has."""

import numpy as np

OUTSIDE = 2**16 - 1
"""A coordinate that lies off every sensor, for those that do not fit uint16."""
UNTIMED = np.iinfo(np.int64).min
"""The time of an event whose time is not a number."""
MAX_TIME = 2**60  # us; larger ones come from damage, and could overflow
