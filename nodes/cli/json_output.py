"""The option ``--json`` of commands that end in figures."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def _check_json(path: Path | None) -> Path | None:
    """Before long work, not after it."""
    if path is not None and str(path) != "-":
        from snn_core.files import check_writable

        check_writable(path)
    return path


JsonOption = Annotated[
    Path | None,
    typer.Option("--json", callback=_check_json, help="Write the figures as JSON to this file; - for stdout."),
]


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """To a file, to stdout for -, nowhere for None."""
    if path is None:
        return
    text = json.dumps(figures, indent=2)
    if str(path) == "-":
        print(text)
        return
    from snn_core.files import write_atomically

    write_atomically(path, lambda file: file.write(text.encode() + b"\n"))
