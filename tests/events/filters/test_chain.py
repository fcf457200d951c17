from pathlib import Path

import numpy as np
import pytest
import yaml

from snn_core.errors import UserError
from snn_core.events.camera_info import Calibration
from snn_core.events.filters.background import BackgroundActivityFilter
from snn_core.events.filters.chain import FilterChain, make_filters
from snn_core.events.filters.masks import RectangleFilter
from snn_core.events.filters.options import FilterOptions
from snn_core.files import validate
from tests.events.streams import as_tuples, make_events, random_events

WIDTH, HEIGHT = 32, 24
CALIBRATION = f"""\
image_width: {WIDTH}
image_height: {HEIGHT}
camera_matrix: {{rows: 3, cols: 3, data: [20, 0, 16, 0, 20, 12, 0, 0, 1]}}
distortion_model: plumb_bob
distortion_coefficients: {{rows: 1, cols: 5, data: [-0.1, 0, 0, 0, 0]}}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix: {{rows: 3, cols: 4, data: [20, 0, 16, 0, 0, 20, 12, 0, 0, 0, 1, 0]}}
"""


def options(**values: object) -> FilterOptions:
    return validate(FilterOptions, values, "filters")


def test_no_options_no_filters():
    chain = make_filters(options(), WIDTH, HEIGHT)
    events = random_events(np.random.default_rng(0), 100, WIDTH, HEIGHT)
    assert chain(events) is events
    assert (chain.filters, chain.dropped, chain.out_width, chain.out_height) == ([], {}, WIDTH, HEIGHT)


def test_all_options(tmp_path: Path):
    calibration = tmp_path / "camera.yaml"
    calibration.write_text(CALIBRATION)
    chain = make_filters(
        options(
            hot_pixels="3,4 5,6",
            refractory_us=10,
            background_us=50,
            polarity="on",
            camera_info=str(calibration),
            region="1,1 30,1 30,22 1,22",
            crop="2,2,20,15",
            spatial_factor=2,
            time_step_us=4,
        ),
        WIDTH,
        HEIGHT,
    )
    assert list(chain.dropped) == [
        "hot_pixels",
        "refractory",
        "background",
        "polarity",
        "rectification",
        "region",
        "crop",
        "spatial",
        "temporal",
    ]
    assert (chain.out_width, chain.out_height) == (10, 8)
    events = random_events(np.random.default_rng(1), 20_000, WIDTH, HEIGHT, mean_interval_us=0.5)
    kept = chain(events)
    assert 0 < len(kept) == len(events) - sum(chain.dropped.values())
    assert int(kept.x.max()) < 10
    assert int(kept.y.max()) < 8
    assert set(kept.polarity.tolist()) == {1}
    assert not (kept.t % 4).any()
    before = chain.dropped
    chain.reset()
    assert chain(events).equals(kept)
    assert chain.dropped == {name: 2 * count for name, count in before.items()}


def test_two_corners_are_a_rectangle():
    events = make_events([(0, x, y, 1) for y in range(HEIGHT) for x in range(WIDTH)])
    kept = make_filters(options(region="4,3 9,5"), WIDTH, HEIGHT)(events)
    assert as_tuples(kept) == [(0, x, y, 1) for y in range(3, 6) for x in range(4, 10)]


def test_hot_pixels_are_learnt():
    chain = make_filters(options(hot_pixels="learn", hot_pixels_period_s=0.01), WIDTH, HEIGHT)
    events = make_events([(t, 7, 8, t % 2) for t in range(0, 30_000, 100)])
    assert as_tuples(chain(events)) == as_tuples(events[:100])
    assert chain.dropped == {"hot_pixels": 200}


def test_a_calibration_that_is_at_hand_goes_before_the_file():
    info = Calibration.model_validate(yaml.safe_load(CALIBRATION))
    chain = make_filters(options(camera_info="/none"), WIDTH, HEIGHT, info)
    assert list(chain.dropped) == ["rectification"]
    with pytest.raises(UserError, match="/none: cannot be read"):
        make_filters(options(camera_info="/none"), WIDTH, HEIGHT)


def test_filters_must_fit_each_other():
    crop = RectangleFilter(WIDTH, HEIGHT, 0, 0, 10, 10)
    with pytest.raises(ValueError, match="background is for a sensor of 32 x 24 pixels, not 10 x 10"):
        FilterChain(WIDTH, HEIGHT, [crop, BackgroundActivityFilter(WIDTH, HEIGHT)])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hot_pixels": "learnt"}, "filters: hot_pixels: expected pixels as x,y x,y in whole px, found 'learnt'"),
        ({"hot_pixels": "1,2,3"}, "hot_pixels: expected pixels as x,y x,y"),
        ({"region": "1,2"}, "region: expected at least two corners, found '1,2'"),
        ({"region": "1,2 3,4.5"}, "region: expected pixels as x,y x,y in whole px"),
        ({"region": "0,0 99999999999,4 3,3"}, "region: expected pixels"),
        ({"crop": "1,2,3"}, "crop: expected left,top,width,height in whole px, found '1,2,3'"),
        ({"background_us": -1}, "background_us: .*greater than or equal to 0, found -1"),
        ({"polarity": "ON"}, "polarity: .*'both', 'on' or 'off'"),
        ({"backgroundus": 1}, "backgroundus: unknown key"),
    ],
)
def test_options_that_cannot_be(values: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        options(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": "30,0,3,3"}, "crop: 3 x 3 pixels from 30, 0: expected a rectangle on the sensor of 32 x 24"),
        ({"hot_pixels": "32,0"}, "hot_pixels: pixel 32, 0: expected one on the sensor of 32 x 24"),
        ({"spatial_factor": 33}, "spatial: factor 33: expected 1 to 32"),
    ],
)
def test_options_that_do_not_fit_the_sensor(values: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        make_filters(options(**values), WIDTH, HEIGHT)
