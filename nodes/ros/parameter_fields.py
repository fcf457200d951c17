"""What a pydantic model says about a node's parameters; no ROS here."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo


class Parameter(NamedTuple):
    """A parameter of a node."""

    name: str
    """Dotted below nested models."""
    field: FieldInfo
    default: Any


class Bounds(NamedTuple):
    """The range of a number, None where it is open."""

    low: float | None
    high: float | None
    above_low: bool
    """``low`` itself is not in the range."""


def parameters_of(model: type[BaseModel]) -> Iterator[Parameter]:
    """The parameters that a model describes, in its order."""
    return _walk(model, {}, "")


def _walk(model: type[BaseModel], defaults: dict[str, Any], prefix: str) -> Iterator[Parameter]:
    for name, field in model.model_fields.items():
        default = defaults.get(name, field.get_default(call_default_factory=True))
        if isinstance(default, BaseModel):
            yield from _walk(type(default), dict(default), f"{prefix}{name}.")
        else:
            yield Parameter(prefix + name, field, default)


def bounds(field: FieldInfo) -> Bounds:
    """The range that a field's constraints allow."""
    low = high = None
    above_low = False
    for constraint in field.metadata:
        if isinstance(constraint, annotated_types.Ge | annotated_types.Gt):
            above_low = isinstance(constraint, annotated_types.Gt)
            low = constraint.gt if isinstance(constraint, annotated_types.Gt) else constraint.ge
        elif isinstance(constraint, annotated_types.Le | annotated_types.Lt):
            high = constraint.lt if isinstance(constraint, annotated_types.Lt) else constraint.le
    return Bounds(low, high, above_low)  # type: ignore[arg-type]
