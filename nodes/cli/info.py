"""``spikedrive info``: what a recording holds."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from spikedrive_nodes.cli.json_output import JsonOption, write_json
from spikedrive_nodes.cli.tables import print_table

RECORDING = "Recording: AEDAT, RAW, DAT, HDF5, ROS bag, .es, .bin, .npy, .npz or text."


def parse_size(text: str) -> tuple[int, int]:
    """Width and height, px, of "640x480"."""
    match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", text)
    if match is None:
        raise typer.BadParameter(f"{text!r}: expected WIDTHxHEIGHT in pixels, as in 640x480")
    return int(match[1]), int(match[2])


SizeOption = Annotated[
    Any,
    typer.Option(
        "--size",
        parser=parse_size,
        metavar="WIDTHxHEIGHT",
        help="Size of the sensor (px), where the file does not give it.",
        show_default="that of the events",
    ),
]


def info(
    file: Annotated[Path, typer.Argument(help=RECORDING)],
    size: SizeOption = None,
    json_path: JsonOption = None,
) -> None:
    """Say what a recording holds."""
    from dataclasses import asdict

    from snn_core.events.recordings import open_recording
    from snn_core.events.summary import Summary
    from spikedrive_nodes.cli.progress import watch_reading

    with open_recording(file, size) as recording:
        summary = Summary(recording.width, recording.height)
        for events in watch_reading(recording, file.name):
            summary.add(events)
        figures = asdict(summary.info(recording))
    write_json(json_path, figures)
    if str(json_path) != "-":
        print_table(str(file), _readable(figures))


def _readable(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures for people: the hottest pixels and the notes as text, counts of what did not happen left out."""
    hottest = " ".join(f"({x}, {y}): {events:,}" for x, y, events in figures["hottest_pixels"][:5])
    readable = {**figures, "hottest_pixels": hottest, "notes": "\n".join(figures["notes"])}
    quiet = ("dropped_outside", "dropped_untimed", "unknown_words", "damaged_bytes", "steps_back", "restarts")
    return {key: value for key, value in readable.items() if value or key not in (*quiet, "hottest_pixels", "notes")}
