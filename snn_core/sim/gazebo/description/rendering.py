"""SDF and URDF files from the templates beside: numbers and vectors always written alike."""

import math
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import jinja2

_TEMPLATES = Path(__file__).parent / "templates"


def text(value: object) -> object:
    """A value as both formats have it: vectors with spaces between, numbers with 9 digits, no negative zero.

    Strings stay as they are, so that Jinja knows what is escaped already.
    """
    if isinstance(value, tuple):
        return " ".join(str(text(part)) for part in value)
    if isinstance(value, float):
        return f"{value + 0.0:.9g}" if abs(value) > 1e-12 else "0"
    return value if isinstance(value, str) else str(value)


def render(template: str, comment: str, **values: object) -> bytes:
    """The file that a template makes of ``values``: UTF-8, indented, with a comment at its head.

    The template's own white space does not matter. Raises jinja2.UndefinedError for a value that is missing, and
    ElementTree.ParseError where the result is not well-formed: both are errors of the program.
    """
    root = ET.fromstring(_environment().get_template(template).render(values))
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    # XML has no two hyphens in comments, and control characters nowhere.
    comment = "".join(each if each.isprintable() else "?" for each in comment.replace("-", "\N{HYPHEN}"))
    return f'<?xml version="1.0"?>\n<!-- {comment} -->\n{body}\n'.encode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, finalize=text
    )
    environment.globals["pi"] = math.pi
    return environment
