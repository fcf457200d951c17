"""ROS parameters declared from pydantic models: one place says names, defaults, units and ranges."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic.fields import FieldInfo
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from snn_core.errors import UserError
from snn_core.files import StrictModel, validate
from spikedrive_nodes.ros.parameter_fields import bounds, parameters_of

Model = TypeVar("Model", bound=StrictModel)
_LARGEST_INTEGER = 2**63 - 1
_HINTS = {float: " (write a decimal point)", str: " (write it in two kinds of quotes: '\"...\"')"}


def _descriptor(field: FieldInfo, default: object) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=field.description or "", read_only=True)
    low, high, _ = bounds(field)
    if get_origin(field.annotation) is Literal:
        descriptor.additional_constraints = "one of " + ", ".join(map(str, get_args(field.annotation)))
    elif isinstance(default, float) and (low is not None or high is not None):
        descriptor.floating_point_range = [
            FloatingPointRange(
                from_value=float(low if low is not None else -1e300),
                to_value=float(high if high is not None else 1e300),
            )
        ]
    elif isinstance(default, int) and not isinstance(default, bool) and (low is not None or high is not None):
        descriptor.integer_range = [
            IntegerRange(
                from_value=int(low if low is not None else -_LARGEST_INTEGER),
                to_value=int(high if high is not None else _LARGEST_INTEGER),
                step=1,
            )
        ]
    return descriptor


def declare_parameters(node: Node, model: type[Model]) -> Model:
    """Declare every field of ``model`` as a read-only parameter of ``node`` and return what the user has set.

    Raises:
        UserError: one line with the parameter, what was expected and what was found.
    """
    data: dict[str, Any] = {}
    for name, field, default in parameters_of(model):
        try:
            value = node.declare_parameter(name, default, _descriptor(field, default)).value
        except InvalidParameterTypeException as error:
            found = node._parameter_overrides[name].value
            raise UserError(
                f"{node.get_name()}: {name}: expected {type(default).__name__}, found {found!r}"
                + _HINTS.get(type(default), "")
            ) from error
        except InvalidParameterValueException as error:
            low, high, _ = bounds(field)
            raise UserError(f"{node.get_name()}: {name}: expected a value from {low} to {high}, {error}") from error
        *parents, last = name.split(".")
        place = data
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    _refuse_unknown(node)
    return validate(model, data, node.get_name())


def overridden(node: Node, parameter: str, default: str) -> str:
    """What the user has set a text parameter to, before it is declared: others may depend on it."""
    given = node._parameter_overrides.get(parameter)
    return default if given is None else str(given.value)


@contextmanager
def about(node: Node, parameter: str) -> Iterator[None]:
    """A UserError from within, about what a parameter names, says which node and parameter that is."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{node.get_name()}: {parameter}: {error}") from error


def _refuse_unknown(node: Node) -> None:
    unknown = [
        name for name in node._parameter_overrides if not node.has_parameter(name) and not name.startswith("qos_")
    ]
    if unknown:
        raise UserError(f"{node.get_name()}: {unknown[0]}: unknown parameter; remove it or check its spelling")
