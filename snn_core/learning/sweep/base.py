"""What a sweep starts from: the job that its run describes, and the same job with other values."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from snn_core.errors import UserError
from snn_core.learning.parameters import DriveParameters, load_parameters, with_task
from snn_core.learning.sweep.job import Job, Part, network_of, parameters_of
from snn_core.learning.sweep.paths import with_value
from snn_core.learning.sweep.spec import RunSpec, SweepSpec
from snn_core.learning.train import network_for


def base_job(run: RunSpec) -> Job:
    """The job of a run with nothing varied and seed 0. Raises UserError."""
    parameters = load_parameters(
        run.parameters, 0, run.task, run.network, {"track": run.track, "schedule": run.schedule, "backend": run.backend}
    )
    parameters = with_task(parameters, mode="train", duration_s=run.seconds)
    checkpoint = str(run.checkpoint or parameters.controller.checkpoint) or None
    if checkpoint and run.learning_rate_per_ms is not None:
        raise UserError("run.learning_rate_per_ms: not with a checkpoint, which goes on at the rate it has")
    network = None
    if not checkpoint or run.network is not None:
        network = network_for(parameters, run.learning_rate_per_ms).model_dump(mode="json")
    sections = _sections(parameters)
    return {
        "task": parameters.task.name,
        "simulator": sections["simulator"],
        "reward": sections["reward"],
        "controller": sections["controller"],
        "network": network,
        "checkpoint": checkpoint,
        "evaluation_s": run.evaluation_seconds,
        "evaluation_tracks": list(run.evaluation_tracks),
        "control": run.control,
        "seed": 0,
    }


def _sections(parameters: DriveParameters) -> dict[str, Part]:
    """The sections, whole, so that every key can be varied; but a window that no file says is the network's."""
    sections = {name: part.model_dump(mode="json") for name, part in parameters.sections().items()}
    for name, part in parameters.sections().items():
        if "window_ms" not in part.model_fields_set:
            sections[name].pop("window_ms", None)
    return sections


def with_values(base: Job, values: Mapping[str, object]) -> Job:
    """A copy of ``base`` with other values by dotted path, checked. Raises UserError that names section and key.

    The value of a whole part (``network.connections.0.rule``) is set before those of what is in it.
    """
    job = base.copy()
    for path in sorted(values, key=lambda path: path.count(".")):
        _set(job, path, values[path], taken=values.keys())
    parameters_of(job)
    network_of(job)
    return job


def check_paths(base: Job, spec: SweepSpec) -> None:
    """Raises UserError for a varied path that leads nowhere. What is in a part that varies, too, is left for then."""
    for path in spec.vary:
        if not any(path.startswith(f"{other}.") for other in spec.vary):
            _set(base.copy(), path, None, taken=spec.vary.keys())


def _set(job: Job, path: str, value: object, taken: Collection[str]) -> None:
    root, _, rest = path.partition(".")
    if root == "network":
        if job["network"] is None:
            raise UserError(f"{path}: cannot vary, the network is that of the checkpoint; leave the checkpoint out")
        job["network"] = with_value(job["network"], rest, value, root)
    elif root == "task":
        rules = job["simulator"]["task"]
        assert isinstance(rules, dict)
        job["simulator"] = {**job["simulator"], "task": with_value(rules, rest, value, root)}
    elif root == "simulator":
        job["simulator"] = _with_window(job["simulator"], rest, value, root)
        if rest in job["reward"] and f"reward.{rest}" not in taken:
            job["reward"] = with_value(job["reward"], rest, value, "reward")
    elif root == "reward":
        job["reward"] = _with_window(job["reward"], rest, value, root)
    else:
        job["controller"] = with_value(job["controller"], rest, value, root)


def _with_window(section: Part, path: str, value: object, root: str) -> Part:
    """As ``with_value``; a section without a window may be given one."""
    return {**section, path: value} if path == "window_ms" else with_value(section, path, value, root)


def fingerprint(base: Job) -> Part:
    """What a sweep that goes on must have begun with: the job, and the checkpoint's content."""
    content = Path(base["checkpoint"]).read_bytes() if base["checkpoint"] else b""
    return {**base, "checkpoint_sha256": hashlib.sha256(content).hexdigest() if content else None}
