"""What may stand around the road: a wall, and boxes."""

from typing import NamedTuple

import numpy as np

from snn_core.errors import UserError
from snn_core.sim.gazebo_settings import GazeboSettings
from snn_core.sim.track import Track

BOX_M = 0.3
WALL_DISTANCE_M = 1.0
"""From the outermost marking to the wall."""
_WALL_THICKNESS_M = 0.1


class Box(NamedTuple):
    """A box that stands still; middle and size (m) along x, y and z."""

    name: str
    middle: tuple[float, float, float]
    size: tuple[float, float, float]


def surroundings(settings: GazeboSettings, track: Track) -> list[Box]:
    """The boxes that the settings ask for. Raises UserError when obstacles are not "x,y x,y"."""
    boxes = []
    if settings.wall_height_m > 0.0:
        for k, (x, y, length, width) in enumerate(_walls(track)):
            boxes.append(_standing(f"wall_{k}", (x, y), (length, width, settings.wall_height_m)))
    for k, place in enumerate(_places(settings.obstacles)):
        boxes.append(_standing(f"obstacle_{k}", place, (BOX_M, BOX_M, BOX_M)))
    return boxes


def _standing(name: str, at: tuple[float, float], size: tuple[float, float, float]) -> Box:
    return Box(name, (*at, 0.5 * size[2]), size)


def _walls(track: Track) -> list[tuple[float, float, float, float]]:
    """Middle (x, y), length along x and along y of four walls around the track, m."""
    road = np.concatenate([track.line(offset) for offset in track.lines])
    x0, y0 = (float(low) - WALL_DISTANCE_M for low in road.min(axis=0))
    x1, y1 = (float(high) + WALL_DISTANCE_M for high in road.max(axis=0))
    middle_x, middle_y = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    length, width = x1 - x0 + _WALL_THICKNESS_M, y1 - y0 + _WALL_THICKNESS_M
    along_x = [(middle_x, y, length, _WALL_THICKNESS_M) for y in (y0, y1)]
    return along_x + [(x, middle_y, _WALL_THICKNESS_M, width) for x in (x0, x1)]


def _places(obstacles: str) -> list[tuple[float, float]]:
    places = []
    for word in obstacles.split():
        try:
            x, y = (float(part) for part in word.split(","))
        except ValueError:
            raise UserError(f'gazebo.obstacles: expected "x,y x,y" (m), found {word!r}') from None
        if not (np.isfinite(x) and np.isfinite(y)):
            raise UserError(f"gazebo.obstacles: expected finite numbers, found {word!r}")
        places.append((x, y))
    return places
