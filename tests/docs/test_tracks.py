"""docs/tracks.md: its examples are read, and it names every key."""

import re
from pathlib import Path

import pytest
import yaml

from snn_core.files import validate
from snn_core.sim.road_spec import RoadSpec
from snn_core.sim.track import load_track
from snn_core.sim.track_spec import Crossing, MissingPaint, Segment, Shadow, TrackSpec, WornPaint

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tracks.md").read_text()
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_examples_are_tracks():
    track, marks = EXAMPLES
    assert validate(TrackSpec, track, "docs/tracks.md") == load_track("meschede").spec
    marked = validate(TrackSpec, track | marks, "docs/tracks.md")
    assert marked.worn
    assert marked.missing
    assert marked.crossings
    assert marked.shadows


@pytest.mark.parametrize("model", [TrackSpec, Segment, WornPaint, MissingPaint, Crossing, Shadow, RoadSpec])
def test_every_key_is_named(model: type):
    named = set(re.findall(r"`(\w+)(?::[^`]*)?`", PAGE)) | EXAMPLES[0].keys()
    assert model.model_fields.keys() <= named


def test_defaults_of_generated_roads_are_said():
    """Each row of the table says its keys' defaults, in their order."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]+) \|", PAGE[PAGE.index("## Generated roads") :], re.MULTILINE)
    keys = [(re.findall(r"`(\w+)`", names), said.strip()) for names, said in rows]
    assert {key for names, _ in keys for key in names} == RoadSpec.model_fields.keys()
    for names, said in keys:
        defaults = [getattr(RoadSpec(), name) for name in names]
        texts = ["drawn" if value is None else _text(value) for value in defaults]
        assert said in (", ".join(texts), texts[0] if len(set(texts)) == 1 else "")


def _text(value: object) -> str:
    return f"{value[0]:g} to {value[1]:g}" if isinstance(value, tuple) else f"{value:g}"
