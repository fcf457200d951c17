"""What ``import snn_core`` gives to users: few names, each of them there, and described."""

import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias

import pytest
from pydantic import BaseModel

import snn_core

MOST_NAMES = 40
ALIASES = [name for name in snn_core.__all__ if isinstance(getattr(snn_core, name), GenericAlias)]
"""Names of types, which Python gives no docstring."""
DESCRIBED = [name for name in snn_core.__all__ if name not in ALIASES]
CLASSES = [name for name in DESCRIBED if inspect.isclass(getattr(snn_core, name))]


def test_the_names_are_few_sorted_and_each_there_once() -> None:
    names = snn_core.__all__
    assert len(names) <= MOST_NAMES
    assert names == sorted(set(names))  # capitals first: what is made, then what is called
    assert ALIASES == ["Signals"]


@pytest.mark.parametrize("name", snn_core.__all__)
def test_a_name_can_be_imported(name: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from snn_core import {name}", namespace)
    assert namespace[name] is getattr(snn_core, name)
    assert name in dir(snn_core)


def test_nothing_else_is_loaded_by_name() -> None:
    assert set(snn_core._SOURCES) == set(snn_core.__all__)
    for name in ("Nothing", "controller_from_checkpoint"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(snn_core, name)


def test_the_star_gives_the_public_names_alone() -> None:
    namespace: dict[str, object] = {}
    exec("from snn_core import *", namespace)
    assert namespace.keys() - {"__builtins__"} == set(snn_core.__all__)


def loaded(statement: str) -> set[str]:
    """Modules that a new process has loaded after a statement."""
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    return set(done.stdout.split())


def test_to_import_the_package_loads_no_compiler() -> None:
    modules = loaded("import snn_core")
    assert "snn_core" in modules
    assert not modules & {"numba", "numpy", "pydantic", "matplotlib"}
    assert "snn_core.errors" not in modules
    assert "snn_core.errors" in loaded("from snn_core import UserError")


def described_parameters(value: object) -> str:
    """All that a docstring says of parameters: of a class, also its bases', its constructor's and its fields'."""
    if not inspect.isclass(value):
        return inspect.getdoc(value) or ""
    parts = [*(inspect.getdoc(kind) or "" for kind in value.__mro__[:-1]), inspect.getdoc(value.__init__) or ""]
    fields = re.findall(r'^    (\w+): .*\n    """', inspect.getsource(value), re.MULTILINE)
    if issubclass(value, BaseModel):
        fields += [name for name, field in value.model_fields.items() if field.description]
    return "\n".join([*parts, *fields])


def parameters(value: object) -> list[str]:
    """Names of what a function, or a class that can be made, takes."""
    if inspect.isclass(value) and getattr(value, "_is_protocol", False):
        return []
    if inspect.isclass(value) and issubclass(value, BaseModel):
        return list(value.model_fields)
    signature = inspect.signature(value)  # type: ignore[arg-type]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [name for name, parameter in signature.parameters.items() if parameter.kind not in kinds]


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_docstring_says_what_it_is_and_what_it_takes(name: str) -> None:
    value = getattr(snn_core, name)
    first, *_ = (value.__doc__ or "").strip().split("\n")
    assert len(first.split()) >= 5, first
    if value.__name__ in ("Outcome", "UserError"):  # neither is made with arguments of its own
        return
    said = described_parameters(value)
    assert [word for word in parameters(value) if not re.search(rf"\b{word}\b", said)] == []


@pytest.mark.parametrize("name", ["evaluate", "load_network", "open_recording", "replay", "train", "write_recording"])
def test_what_reads_or_runs_names_its_errors(name: str) -> None:
    assert "UserError" in getattr(snn_core, name).__doc__


def members(kind: type) -> Iterator[tuple[str, object]]:
    """Public methods and properties that come from this package, by name."""
    for owner in kind.__mro__:
        if owner.__module__.startswith("snn_core"):
            for name, value in vars(owner).items():
                is_member = isinstance(value, property) or inspect.isfunction(getattr(value, "__func__", value))
                if is_member and not name.startswith("_"):
                    yield name, getattr(kind, name)


@pytest.mark.parametrize("name", CLASSES)
def test_public_methods_are_described(name: str) -> None:
    found = dict(members(getattr(snn_core, name)))
    assert [title for title, member in found.items() if not inspect.getdoc(member)] == []


def test_types_of_the_public_modules_are_checked_strictly() -> None:
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        strict = tomllib.load(file)["tool"]["pyright"]["strict"]
    modules = {module for module, _ in snn_core._SOURCES.values()}
    assert strict == sorted({"snn_core/__init__.py", *(f"{module.replace('.', '/')}.py" for module in modules)})


def annotations(value: object) -> Iterator[str]:
    """All that is said of types: of a function, or of a class's fields, constructor, methods and properties."""
    if isinstance(value, property):
        value = value.fget
    if not inspect.isclass(value):
        yield from map(str, inspect.get_annotations(value).values())  # type: ignore[arg-type]
        return
    for owner in value.__mro__:
        if owner.__module__.startswith("snn_core"):
            public = {name: kind for name, kind in inspect.get_annotations(owner).items() if not name.startswith("_")}
            yield from map(str, public.values())
            for name, member in vars(owner).items():
                function = getattr(member, "__func__", member)
                if (inspect.isfunction(function) or isinstance(member, property)) and (
                    not name.startswith("_") or name == "__init__"
                ):
                    yield from annotations(function)


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_public_signature_says_its_types(name: str) -> None:
    assert [said for said in annotations(getattr(snn_core, name)) if re.search(r"\bAny\b", said)] == []


def test_the_annotations_that_are_looked_at_are_those_of_methods_properties_and_fields() -> None:
    assert {"<class 'snn_core.tasks.base.TaskSettings'>", "<class 'snn_core.tasks.base.TaskWindow'>"} <= set(
        annotations(snn_core.SimpleTask)
    )
    assert "<class 'snn_core.network.network.Spikes'>" in set(annotations(snn_core.Answer))


def test_the_methods_that_are_looked_at_are_those_of_the_class_and_its_bases() -> None:
    assert {"sha256", "window_us"} <= dict(members(snn_core.ControllerSpec)).keys()
    assert "model_dump" not in dict(members(snn_core.ControllerSpec))
