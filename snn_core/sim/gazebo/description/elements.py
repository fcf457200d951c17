"""Elements of SDF and URDF files: numbers, vectors and text, always written alike."""

from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from snn_core.sim.gazebo.body import Inertia

Value = str | int | float | tuple[float, ...]
_UNLIMITED = 1e16


def text(value: Value) -> str:
    """A value as both formats have it: vectors with spaces between, numbers with 9 digits, no negative zero."""
    if isinstance(value, tuple):
        return " ".join(text(part) for part in value)
    if isinstance(value, float):
        return f"{value + 0.0:.9g}" if abs(value) > 1e-12 else "0"
    return str(value)


def add(parent: Element, tag: str, value: Value | None = None, /, **attributes: Value) -> Element:
    """Append an element with this text and these attributes, and return it."""
    element = SubElement(parent, tag, {name: text(attribute) for name, attribute in attributes.items()})
    if value is not None:
        element.text = text(value)
    return element


def add_all(parent: Element, /, **values: Value) -> None:
    """Append elements that have text alone, by their names."""
    for tag, value in values.items():
        add(parent, tag, value)


def add_hinge(model: Element, name: str, parent: str, child: str, along_m: float = 0.0) -> Element:
    """Append a joint that turns freely about the y axis of its child, ``along_m`` along it, and return its axis."""
    joint = add(model, "joint", name=name, type="revolute")
    if along_m:
        add(joint, "pose", (0.0, along_m, 0.0, 0.0, 0.0, 0.0))
    add_all(joint, parent=parent, child=child)
    axis = add(joint, "axis")
    add(axis, "xyz", (0.0, 1.0, 0.0))
    add_all(add(axis, "limit"), lower=-_UNLIMITED, upper=_UNLIMITED)
    return axis


def add_inertial(link: Element, inertia: Inertia, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
    """Append mass and inertia to a link, with the centre of mass ``at`` this place (m)."""
    inertial = add(link, "inertial")
    add(inertial, "pose", (*at, 0.0, 0.0, 0.0))
    add(inertial, "mass", inertia.mass_kg)
    add_all(add(inertial, "inertia"), ixx=inertia.ixx, ixy=0.0, ixz=0.0, iyy=inertia.iyy, iyz=0.0, izz=inertia.izz)


def add_colour(visual: Element, intensity: float) -> None:
    """A surface that looks alike in any light and from any side: it shines by itself and reflects nothing."""
    none: Value = (0.0, 0.0, 0.0, 1.0)
    grey: Value = (intensity, intensity, intensity, 1.0)
    add_all(add(visual, "material"), ambient=none, diffuse=none, specular=none, emissive=grey)


def document(root: Element, comment: str) -> bytes:
    """The file, in UTF-8, with a comment at its head."""
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    comment = comment.replace("-", "\N{HYPHEN}")  # XML has no two hyphens in comments
    return f'<?xml version="1.0"?>\n<!-- {comment} -->\n{body}\n'.encode()
