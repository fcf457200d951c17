"""Figures as people read them."""

from typing import Any

from rich.console import Console
from rich.table import Table


def print_table(title: str, figures: dict[str, Any], console: Console | None = None) -> None:
    """Figures as a table of two columns."""
    table = Table(title=title, title_justify="left", show_header=False)
    rows = {
        f"{key}.{part}" if part else key: item
        for key, value in figures.items()
        for part, item in (value.items() if isinstance(value, dict) else [("", value)])
    }
    for key, value in rows.items():
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        table.add_row(key, f"{value:.6g}" if isinstance(value, float) else text)
    (console or Console()).print(table)
