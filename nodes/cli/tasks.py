"""``spikedrive tasks``: what can be learnt, and what controllers without a network do."""

from typing import TYPE_CHECKING, Annotated

import typer

from spikedrive_nodes.cli.json_output import JsonOption, write_json
from spikedrive_nodes.cli.tables import print_table

if TYPE_CHECKING:
    from snn_core.tasks.base import Figure


def list_tasks(
    name: Annotated[
        str | None, typer.Argument(help="Task whose baselines are driven.", show_default="all, listed")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=1e6, help="Simulated time to drive each baseline (s).")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the scene.")] = 0,
    json_path: JsonOption = None,
) -> None:
    """List the tasks that can be learnt; with NAME, drive its controllers without a network, to compare with."""
    from snn_core.tasks.registry import all_tasks

    if name is None:
        listed = {
            task.name: {
                "what": task.summary or "(not said)",
                "channels": ", ".join(task.channels),
                "network": task.network,
                "baselines": ", ".join(task.baselines) or "none",
            }
            for task in all_tasks().values()
        }
        write_json(json_path, listed)
        if str(json_path) != "-":
            for title, rows in listed.items():
                print_table(title, rows)
        return
    figures = _drive_baselines(name, seconds, seed)
    write_json(json_path, figures)
    if str(json_path) != "-":
        for title, rows in figures.items():
            print_table(f"{name}: {title}, {seconds:g} s", rows)


def _drive_baselines(name: str, seconds: float, seed: int) -> "dict[str, dict[str, Figure]]":
    from snn_core.errors import UserError
    from snn_core.learning.drive import drive_baseline
    from snn_core.learning.parameters import load_parameters, with_task
    from snn_core.tasks.registry import find_task
    from spikedrive_nodes.cli.training import task_parameter_file

    task = find_task(name)
    if not task.baselines:
        raise UserError(f"task {name!r}: has no baselines to drive; leave NAME out to list the tasks")
    parameters = load_parameters(task_parameter_file(name), seed, task)
    rules = parameters.simulator.task.for_evaluation(seconds)
    parameters = with_task(parameters, **rules.model_dump())
    return {title: task.evaluation_figures(drive_baseline(parameters, make)) for title, make in task.baselines.items()}
