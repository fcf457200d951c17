"""The tasks that there are: the shipped ones, and those that other packages offer as ``spikedrive.tasks``."""

from functools import cache
from typing import cast

from snn_core.errors import UserError
from snn_core.plugins import plugins
from snn_core.tasks.base import Task
from snn_core.tasks.lane.task import LaneTask


@cache
def all_tasks() -> dict[str, type[Task]]:
    """All tasks by name, shipped ones first. Raises UserError for an entry point that is no task."""
    found: dict[str, type[Task]] = {LaneTask.name: LaneTask}
    for name, offered in plugins("tasks").items():
        if not (isinstance(offered, type) and issubclass(offered, Task)):
            raise UserError(f"entry point spikedrive.tasks: {name}: expected a subclass of Task, found {offered!r}")
        task = cast("type[Task]", offered)
        found.setdefault(task.name, task)
    return found


def find_task(name: str) -> type[Task]:
    """The task of this name. Raises UserError, listing those that there are."""
    known = all_tasks()
    if name not in known:
        raise UserError(f"task {name!r}: expected one of {', '.join(known)}")
    return known[name]
