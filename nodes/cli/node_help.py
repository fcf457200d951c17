"""What ``spikedrive node NAME --help`` prints: a node's parameters, topics and services. No ROS here."""

from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from snn_core.files import StrictModel
from spikedrive_nodes.node_table import NODES
from spikedrive_nodes.ros.parameter_fields import bounds, parameters_of

_TYPES = {bool: "bool", int: "int", float: "double", str: "string"}
"""As ROS 2 calls them."""


def print_node_help(name: str, console: Console | None = None) -> None:
    """Print what the user of a node of `NODES` needs to know."""
    console = console or Console()
    node = NODES[name]
    console.print(f"[bold]{name}[/bold]: {node.what}")
    console.print(f"spikedrive node {name} --ros-args {node.example}", highlight=False, soft_wrap=True)
    for title, names in (
        ("subscribes", node.subscribes),
        ("publishes", node.publishes),
        ("services", node.services),
    ):
        if names:
            console.print(f"\n[bold]{title}[/bold]")
        for entry, kind in names.items():
            console.print(f"  {entry} ({kind})", highlight=False, soft_wrap=True)
    console.print()
    console.print(_parameter_table(node.model()))


def _parameter_table(model: type[StrictModel]) -> Table:
    table = Table("parameter", "type", "default", "range", "description", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[:2]:
        column.no_wrap = True
    for parameter in parameters_of(model):
        default = parameter.default
        table.add_row(
            parameter.name,
            _TYPES[type(default)],
            str(default).lower() if isinstance(default, bool) else escape(str(default)) or '""',
            _range(parameter.field),
            escape(parameter.field.description or ""),
        )
    return table


def _range(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, get_args(field.annotation)))
    low, high, above_low = bounds(field)
    if low is None and high is None:
        return ""
    least = "" if low is None else f"above {low:.10g}" if above_low else f"from {low:.10g}"
    most = "" if high is None else f"to {high:.10g}"
    return f"{least} {most}".strip()
