"""Graphs and files that cannot be run are refused by node and reason, in one line."""

import io
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_core.errors import UserError
from snn_core.network.interchange.nir_files import from_nir, read_nir, to_nir, write_nir
from snn_core.network.network import Network
from tests.network.interchange.nir_graphs import DT, WEIGHT, chain, cuba, graph, lif, source
from tests.network.networks import spec as plastic_spec

NONSENSE: list[Any] = [
    None,
    "text",
    "NIRGraph",
    "Conv2d",
    b"\xff",
    -1,
    0,
    np.nan,
    np.inf,
    1e300,
    1j,
    True,
    [],
    [1, 2, 3],
    [[1e9, 1e9]],
    [b"a", b"b"],
    np.zeros((2, 2)),
]


def two(first: float, second: float) -> np.ndarray:
    return np.array([first, second, second])


LINEAR = nir.Linear(weight=WEIGHT)


@pytest.mark.parametrize(
    ("built", "named"),
    [
        (chain(LINEAR, cuba(3, tau_mem=two(0.02, 0.03))), ("'n1'", "tau_mem", "0.02 to 0.03")),
        (chain(LINEAR, cuba(3, v_threshold=two(1, 2))), ("'n1'", "v_threshold")),
        (chain(LINEAR, cuba(3, w_in=two(1, 2))), ("'n1'", "w_in")),
        (chain(LINEAR, lif(3, v_reset=1.0)), ("'n1'", "reset_mv")),
        (chain(LINEAR, lif(3, tau=0.0)), ("'n1'", "tau_membrane_ms")),
        (chain(LINEAR, lif(3, tau=0.0005)), ("'n1'", "tau_membrane_ms", "dt_ms")),
        (chain(LINEAR, cuba(3, tau_syn=-1.0)), ("'n1'", "tau_syn")),
        (chain(LINEAR, cuba(3, w_in=-1.0)), ("'n1'", "input_gain")),
        (chain(LINEAR, lif(3, r=np.nan)), ("'n1'", "r", "finite")),
        (chain(nir.Affine(weight=WEIGHT, bias=two(0, 1)), lif(3)), ("'n1'", "bias")),
        (chain(nir.Linear(weight=WEIGHT.T.copy()), lif(3)), ("'n0'", "weight", "2 columns")),
        (chain(LINEAR, lif(4)), ("'n1'", "4 elements", "3")),
        (chain(LINEAR, nir.Delay(delay=two(0.0, 0.001)), lif(3)), ("'n1'", "delay")),
        (chain(LINEAR, nir.Delay(delay=np.full(3, 0.0015)), lif(3)), ("'n1'", "delay", "1.5 ms")),
        (chain(LINEAR, nir.Delay(delay=np.full(3, 0.255)), lif(3)), ("'n1'", "delay", "254")),
        (chain(LINEAR, nir.LI(*np.ones((3, 3)))), ("'n1'", "LI")),
        (chain(LINEAR, nir.IF(*np.ones((2, 3)))), ("'n1'", "IF")),
        (chain(LINEAR, lif(3), nir.Linear(weight=np.ones((3, 3)))), ("'n2'", "output")),
        (chain(LINEAR), ("no neurons",)),
        (chain(nir.Linear(weight=np.ones((2, 3, 2))), lif(3)), ("'n0'", "weight", "matrix")),
        (
            graph(
                "input>a>w>v>w v>a",
                input=source([3]),
                a=lif(3),
                w=nir.Linear(weight=np.eye(3)),
                v=nir.Linear(weight=np.eye(3)),
            ),
            ("'w'", "loop"),
        ),
        (graph("input>b", input=source([3]), a=lif(3)), ("'b'",)),
        (graph("input>a input>a", input=source([3]), a=lif(3)), ("'input'", "'a'", "twice")),
        (graph("input>a>input", input=source([3]), a=lif(3)), ("'input'", "Input")),
        (
            chain(nir.Conv2d((4, 4), np.ones((3, 1, 2, 2)), 1, 0, 1, 1, np.zeros(3)), lif(27), inputs=(2, 4, 4)),
            ("'n0'", "weight", "2 input channels"),
        ),
    ],
)
def test_what_cannot_be_run_is_refused_by_node_and_reason(built, named):
    with pytest.raises(UserError) as caught:
        from_nir(built, DT)
    message = str(caught.value)
    assert all(name in message for name in named), message
    assert "\n" not in message


def test_a_graph_that_does_not_say_its_step_is_refused():
    with pytest.raises(UserError, match="dt_ms"):
        from_nir(chain(LINEAR, lif(3)))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A NIR file."""
    path = tmp_path_factory.mktemp("nir") / "network.nir"
    write_nir(path, to_nir(Network(plastic_spec(), 0), drop_plasticity=True))
    return path


@pytest.mark.parametrize("part", np.linspace(0, 1, 12, endpoint=False))
def test_a_file_that_is_cut_is_refused(written, tmp_path, part):
    file = tmp_path / "cut.nir"
    content = written.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    with pytest.raises(UserError, match=r"cut\.nir") as caught:
        read_nir(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: root["nodes/motor"].__delitem__("tau_mem"), ("'motor'", "tau_mem")),
        (lambda root: root["nodes/motor"].__delitem__("type"), ("'motor'", "type")),
        (lambda root: put(root, "nodes/motor/type", "Quantum"), ("'motor'", "Quantum")),
        (lambda root: put(root, "nodes/motor/r", "large"), ("'motor'", "r", "numbers")),
        (lambda root: put(root, "nodes/input/shape", [2.5]), ("'input'", "shape")),
        (lambda root: put(root, "type", "LIF"), ("graph", "LIF")),
        (lambda root: root.__delitem__("edges"), ("edges",)),
        (lambda root: put(root, "edges", [b"input", b"motor"]), ("edges",)),
        (lambda root: put(root, "metadata/dt_ms", 2.0), ("dt_ms", "1 and 2")),
    ],
)
def test_a_file_that_was_changed_is_refused(written, tmp_path, change, named):
    file = tmp_path / "changed.nir"
    file.write_bytes(written.read_bytes())
    with h5py.File(file, "r+") as opened:
        change(opened["node"])
    with pytest.raises(UserError) as caught:
        read_nir(file).spec()
    assert all(name in str(caught.value) for name in ("changed.nir", *named)), str(caught.value)


def leaves(group: h5py.Group) -> list[str]:
    """The names of all values in a file."""
    names: list[str] = []
    group.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


@pytest.mark.filterwarnings("ignore:overflow encountered")
@settings(max_examples=150)
@given(data=st.data())
def test_any_value_of_a_file_may_be_nonsense(written, data):
    content = io.BytesIO(written.read_bytes())
    with h5py.File(content, "r+") as opened:
        key = data.draw(st.sampled_from(leaves(opened)))
        value = data.draw(st.sampled_from(NONSENSE))
        del opened[key]
        if value is not None:
            opened[key] = value
    file = written.with_name("nonsense.nir")
    file.write_bytes(content.getvalue())
    said = None
    try:
        Network(read_nir(file).spec(), 0)
    except UserError as error:
        said = str(error)
    assert said is None or (str(file) in said and "\n" not in said)


def put(root: h5py.Group, key: str, value: object) -> None:
    """Put a value in another's place."""
    del root[key]
    root[key] = value


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_nir(tmp_path / "missing.nir")
    with h5py.File(tmp_path / "other.nir", "w") as opened:
        opened["data"] = [1, 2]
    with pytest.raises(UserError, match=r"other\.nir"):
        read_nir(tmp_path / "other.nir")
