"""``spikedrive convert``: a recording in another format, or a part of it, or what filters leave of it."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from spikedrive_nodes.cli.info import RECORDING, SizeOption
from spikedrive_nodes.cli.json_output import JsonOption, write_json

UNITS_US = {"": 1, "us": 1, "ms": 1000, "s": 1_000_000}
INTERRUPTED = 130
"""Exit code after Ctrl-C, as Unix shells have it."""


class Polarity(StrEnum):
    """Which events to keep."""

    BOTH = "both"
    ON = "on"
    OFF = "off"


def parse_time(text: str) -> tuple[int, bool]:
    """A time, us, and whether it counts from the first event ("+1.5s")."""
    match = re.fullmatch(r"\s*(\+?)(-?[0-9]+)(\.[0-9]*)?\s*(us|ms|s|)\s*", text)
    if match is None:
        raise typer.BadParameter(f"{text!r}: expected a time, as in 1500000, 1.5s, or +1.5s after the first event")
    sign, whole, fraction, unit = match.groups()
    factor = UNITS_US[unit]
    part = round(float(fraction or "0") * factor) if fraction not in (None, ".") else 0
    return int(whole) * factor + (-part if whole.startswith("-") else part), bool(sign)


def _time_option(name: str, about: str, default: str) -> Any:
    about = f"{about}: us, or with ms or s, of the sensor's clock; with + after the first event."
    return typer.Option(name, parser=parse_time, metavar="TIME", help=about, show_default=default)


def convert(
    file: Annotated[Path, typer.Argument(metavar="IN", help=RECORDING)],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="File to write: .aedat4, .raw (EVT3), .dat, .h5 (DSEC), .npz, .csv, .mcap; no ending: rosbag2.",
        ),
    ],
    begin: Annotated[Any, _time_option("--from", "Leave out what comes before", "the first event")] = None,
    end: Annotated[Any, _time_option("--to", "Leave out this time and what comes after", "the end")] = None,
    crop: Annotated[
        str, typer.Option(metavar="X,Y,W,H", help="Keep this rectangle, and count pixels from its corner (px).")
    ] = "",
    region: Annotated[
        str,
        typer.Option(metavar='"X,Y X,Y X,Y"', help="Keep what is in this polygon (px); two corners are a rectangle."),
    ] = "",
    polarity: Annotated[Polarity, typer.Option(help="Polarity of the events to keep.")] = Polarity.BOTH,
    hot_pixels: Annotated[
        str, typer.Option(metavar='learn|"X,Y X,Y"', help="Leave out these pixels, or those found hot a second before.")
    ] = "",
    refractory_us: Annotated[
        int, typer.Option(min=0, help="Leave out a pixel's events so soon after its last one (us); 0: keep all.")
    ] = 0,
    background_us: Annotated[
        int, typer.Option(min=0, help="Leave out events that no neighbour had within this time (us); 0: keep all.")
    ] = 0,
    camera_info: Annotated[
        Path | None, typer.Option(help="Undistort and rectify by this calibration (.yaml).", show_default="none")
    ] = None,
    spatial_factor: Annotated[int, typer.Option(min=1, help="Make one pixel of so many by so many.")] = 1,
    time_step_us: Annotated[
        int, typer.Option(min=1, help="Round times down to this; one event of a pixel and polarity each (us).")
    ] = 1,
    size: SizeOption = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json_path: JsonOption = None,
) -> None:
    """Write a recording in another format, or a part of it, or what filters leave of it."""
    from snn_core.events.conversion import Instant, TimeCut
    from snn_core.events.conversion import convert as convert_parts
    from snn_core.events.filters.chain import make_filters
    from snn_core.events.filters.options import FilterOptions
    from snn_core.events.recordings import open_recording, open_writer
    from snn_core.files import validate
    from spikedrive_nodes.cli.progress import console, watch_reading

    options = validate(
        FilterOptions,
        {
            "hot_pixels": hot_pixels,
            "refractory_us": refractory_us,
            "background_us": background_us,
            "polarity": polarity.value,
            "camera_info": str(camera_info or ""),
            "region": region,
            "crop": crop,
            "spatial_factor": spatial_factor,
            "time_step_us": time_step_us,
        },
        "convert",
    )
    cut = TimeCut(Instant(*begin) if begin else None, Instant(*end) if end else None)
    try:
        with open_recording(file, size) as recording:
            chain = make_filters(options, recording.width, recording.height)
            with open_writer(out, chain.out_width, chain.out_height, recording.camera, force) as writer:
                parts = cut.parts(recording, watch_reading(recording, f"{file.name} to {out.name}"))
                n_events, n_triggers = convert_parts(parts, writer, chain)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    for note in [*recording.notes, *writer.notes]:
        console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False)
    figures = {
        "format": writer.format,
        "width": chain.out_width,
        "height": chain.out_height,
        "events": n_events,
        "triggers": n_triggers,
        "filtered": chain.dropped,
        "notes": [*recording.notes, *writer.notes],
    }
    write_json(json_path, figures)
    if str(json_path) != "-":
        console.print(f"{out}: {writer.format}, {n_events:,} events", soft_wrap=True, highlight=False, markup=False)
