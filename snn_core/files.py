"""Files that people write (YAML, checked by pydantic) and files that the program writes (atomically)."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from snn_core.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


WINDOW_MS: Any = Field(default=50.0, gt=0, le=1000, description="length of a control window (ms)")
"""The field ``window_ms``, the same wherever a source of events has it."""


class StrictModel(BaseModel):
    """A part of a user's file: unknown keys, wrong types and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def describe_validation_error(error: ValidationError) -> str:
    """The first problem of a pydantic error in one line: key, what was expected, what was found."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "the whole"
    if first["type"] == "extra_forbidden":
        text = "unknown key; remove it or check its spelling"
    elif first["type"] == "missing":
        text = "required key is missing"
    else:
        text = first["msg"].removeprefix("Value error, ").replace("\n", " ")
        if not isinstance(first["input"], dict | list):
            text += f", found {first['input']!r}"
    more = error.error_count() - 1
    return f"{key}: {text}" + (f" (and {more} more)" if more else "")


def validate(model: type[Model], data: object, origin: str) -> Model:
    """Check ``data`` against ``model``; ``origin`` (a path, usually) begins the message of the UserError raised."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(f"{origin}: {describe_validation_error(error)}") from error


def read_yaml(path: Path) -> object:
    """The content of a YAML file. Raises UserError when it is missing, unreadable or not YAML."""
    try:
        with path.open(encoding="utf-8") as file:
            return yaml.safe_load(file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected a YAML text file in UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cut or malformed"
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from error


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file and check it against ``model``. Raises UserError."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}: expected keys and values, found {type(data).__name__}")
    return validate(model, data, str(path))


def check_writable(path: Path) -> None:
    """Find out early, before long work, whether ``path`` can be written. Raises UserError; writes nothing."""
    if not path.parent.is_dir():
        raise UserError(f"{path}: cannot be written: {path.parent} is not a folder; make it first")
    if path.is_dir():
        raise UserError(f"{path}: cannot be written: is a folder; expected a file's name")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"{path}: cannot be written: no permission to write in {path.parent}")


class AtomicFile:
    """A file that appears under its name when it is whole: written under a temporary name beside it, then renamed.

    file: to write to. temporary: its name until ``commit``, for writers that want a name.

    Raises OSError when the folder is missing or not writable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        self.temporary = Path(name)
        self.file: BinaryIO = os.fdopen(descriptor, "wb")

    def commit(self) -> None:
        """Give the file its name; an older one of that name goes. Raises OSError, and the older one stays."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(self.temporary, 0o666 & ~umask)
            os.replace(self.temporary, self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was written, unless it has its name."""
        with suppress(OSError):  # what is left to be written cannot be, on a full disk
            self.file.close()
        self.temporary.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all: a temporary file beside it, fsync, rename.

    Raises UserError when the folder is missing or not writable; an older file at ``path`` then stays as it was.
    """
    try:
        target = AtomicFile(path)
        try:
            write(target.file)
            target.commit()
        finally:
            target.discard()
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
