"""Weights to and from .npz."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_core.errors import UserError
from snn_core.network.interchange.weight_files import read_weights, write_weights
from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec
from tests.damage import fuzz
from tests.network.networks import description, spike_train


def network(seed: int, **changes: Any) -> Network:
    """A plastic all-to-all connection, and a sparse fixed one whose weights are magnitudes."""
    data = description(**changes)
    data["populations"]["inner"] = {"model": "lif", "size": 5, "effect": "inhibitory"}
    uniform = {"distribution": "uniform", "low_na": 0.5, "high_na": 4.0}
    pattern = {"kind": "bernoulli", "probability": 0.5}
    data["connections"] += [
        {"pre": "input", "post": "inner", "weights": uniform},
        {"pre": "inner", "post": "motor", "weights": uniform, "pattern": pattern},
    ]
    return Network(NetworkSpec.model_validate(data), seed)


def run(made: Network) -> list[list[int]]:
    return np.stack(made.advance(300, *spike_train(np.random.default_rng(0), 300, 4, 0.3))).tolist()


def test_weights_come_back_bit_for_bit(tmp_path):
    learnt = network(1)
    learnt.set_reward(1.0)
    run(learnt)
    write_weights(tmp_path / "weights.npz", learnt)
    other = network(1)
    read_weights(tmp_path / "weights.npz", other)
    for place in range(3):
        assert other.connection_weights(place).tobytes() == learnt.connection_weights(place).tobytes()
    again = network(1)
    assert again.connection_weights(0).tobytes() != other.connection_weights(0).tobytes()
    for place in range(3):
        again.set_weights(place, learnt.connection_weights(place))
    assert run(again) == run(other)


def test_the_file_can_be_read_and_written_with_numpy_alone(tmp_path):
    file, made = tmp_path / "weights.npz", network(1)
    write_weights(file, made)
    with np.load(file, allow_pickle=False) as opened:
        arrays = dict(opened)
    matrix = np.zeros((5, 2), np.float32)
    matrix[arrays["pre_2"], arrays["post_2"]] = arrays["weights_2"]
    np.testing.assert_array_equal(matrix, made.connection_matrix(2))
    arrays["weights_0"] = np.full((4, 2), 2)
    np.savez(file, allow_pickle=False, **arrays)
    read_weights(file, made)
    np.testing.assert_array_equal(made.connection_weights(0), np.full((4, 2), 2, np.float32))


def test_weights_of_another_description_are_taken_only_when_asked_for(tmp_path):
    file = tmp_path / "weights.npz"
    write_weights(file, network(1))
    other = network(1, name="other")
    with pytest.raises(UserError, match="another description"):
        read_weights(file, other)
    read_weights(file, other, any_network=True)
    assert other.connection_weights(0).tobytes() == network(1).connection_weights(0).tobytes()


def changed(path: Path, made: Network, **changes: np.ndarray | None) -> Path:
    """A file of the network's weights with other arrays."""
    write_weights(path, made)
    with np.load(path) as opened:
        arrays = {**opened, **changes}
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weights_1": None}, ("weights_1", "input -> inner")),
        ({"weights_1": np.zeros((5, 4))}, ("weights_1", "(4, 5)")),
        ({"weights_1": np.full((4, 5), "a")}, ("weights_1", "numbers")),
        ({"weights_1": np.full((4, 5), np.nan)}, ("weights_1[0, 0]", "finite")),
        ({"weights_1": np.full((4, 5), 1e39)}, ("weights_1[0, 0]", "finite")),
        ({"weights_0": np.full((4, 2), 3.5)}, ("weights_0[0, 0]", "[0, 3] nA")),
        ({"weights_2": np.zeros(1)}, ("weights_2",)),
        ({"pre_2": None}, ("pre_2",)),
        ({"post_2": np.zeros(3)}, ("post_2", "seed")),
        ({"network": None}, ("network",)),
        ({"network": np.array("no JSON")}, ("network",)),
        ({"network": np.array(json.dumps({"format": 9, "spec_sha256": "", "connections": []}))}, ("format 9",)),
        ({"network": np.array(json.dumps({"format": 1, "spec_sha256": "", "connections": ["a -> b"]}))}, ("a -> b",)),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_its_array_and_changes_nothing(tmp_path, changes, named):
    made = network(1)
    before = [made.connection_weights(place).tobytes() for place in range(3)]
    other = network(1)
    other.set_weights(0, np.ones((4, 2)))
    file = changed(tmp_path / "weights.npz", other, **changes)
    with pytest.raises(UserError) as caught:
        read_weights(file, made)
    assert all(name in str(caught.value) for name in (str(file), *named)), str(caught.value)
    assert "\n" not in str(caught.value)
    assert [made.connection_weights(place).tobytes() for place in range(3)] == before


def test_weights_of_synapses_that_another_seed_drew_are_refused(tmp_path):
    write_weights(tmp_path / "weights.npz", network(2))
    with pytest.raises(UserError, match="seed"):
        read_weights(tmp_path / "weights.npz", network(1))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all"])
def test_what_is_no_file_of_weights_is_refused(tmp_path, content):
    file = tmp_path / "weights.npz"
    with pytest.raises(UserError, match="no such file"):
        read_weights(file, network(1))
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.npz"):
        read_weights(file, network(1))
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(UserError, match=r"one\.npy"):
        read_weights(tmp_path / "one.npy", network(1))


@pytest.mark.filterwarnings("ignore")  # of NumPy and Python, about headers
def test_damaged_files_are_refused_in_one_line(tmp_path):
    file, made = tmp_path / "weights.npz", network(1)
    write_weights(file, made)
    assert 200 < fuzz(file, 400, lambda: read_weights(file, made)) < 400


def test_names_that_are_no_text_are_refused(tmp_path):
    head = {"format": 1, "spec_sha256": "", "connections": [1, None]}
    file = changed(tmp_path / "weights.npz", network(1), network=np.array(json.dumps(head)))
    with pytest.raises(UserError, match="has connections 1, None; expected input -> motor"):
        read_weights(file, network(1))
