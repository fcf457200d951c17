"""``spikedrive road``: a closed road drawn at random, as a track file."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snn_core.errors import UserError

if TYPE_CHECKING:
    from snn_core.sim.road_spec import RoadSpec


def road(
    out: Annotated[Path, typer.Argument(metavar="OUT.yaml", help="Track file to write.")],
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed: the same one gives the same road.")] = 0,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Bounds and probabilities (.yaml): keys of docs/tracks.md.", show_default="those of generated:SEED"
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of --spec; lanes=1, length_m=[30,60]. May be repeated."),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw it from above (.svg or .png).")] = None,
) -> None:
    """Draw a closed road at random and write it as a track file."""
    from snn_core.files import check_writable, write_atomically
    from snn_core.sim.road_generator import generate_road
    from snn_core.sim.track import Track
    from snn_core.sim.track_spec import track_yaml

    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"{out}: expected a name that ends in .yaml")
    if picture is not None and picture.suffix not in (".svg", ".png"):
        raise UserError(f"{picture}: expected a name that ends in .svg or .png")
    for path in (out, picture):
        if path is not None:
            check_writable(path)
    track = Track(generate_road(seed, _road_spec(spec, settings or [])))
    words = ["spikedrive", "road", "--seed", str(seed), *(["--spec", str(spec)] if spec else [])]
    words += [word for setting in settings or [] for word in ("--set", setting)]
    content = track_yaml(track.spec, f"Made by {shlex.join(words)}")
    if picture is not None:
        from snn_core.sim.road_picture import road_picture

        image = road_picture(track, picture.suffix[1:])
        write_atomically(picture, lambda file: file.write(image))
    write_atomically(out, lambda file: file.write(content.encode()))


def _road_spec(path: Path | None, settings: list[str]) -> "RoadSpec":
    """The keys of a file, if any, and those of ``--set`` over them."""
    import yaml

    from snn_core.files import read_yaml, validate
    from snn_core.sim.road_spec import RoadSpec

    keys: dict[str, object] = {}
    if path is not None:
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise UserError(f"{path}: expected keys and values, found {type(content).__name__}")
        keys.update(validate(RoadSpec, content, str(path)).model_dump(exclude_unset=True))
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting}: expected KEY=VALUE")
        try:
            keys[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--set {setting}: expected a value as YAML has it") from None
    return validate(RoadSpec, keys, "--set" if settings else str(path))
