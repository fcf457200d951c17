"""What lies between the neurons of a NIR graph: weights, convolutions, pooling and delays, worked out to synapses."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.network.interchange.nir_graph import NEURONS, Graph

MAX_PAIRS = 2**28
"""Most synapses that a path may come to, 6 GB while it is worked out."""


class Pairs(NamedTuple):
    """A linear map, each entry the weight of a pair; all (pairs,)."""

    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    weight: NDArray[np.float64]


class Path(NamedTuple):
    """A way from neurons or inputs to neurons or an output."""

    names: tuple[str, ...]
    """All nodes on it, both ends included."""
    pairs: Pairs | None
    """None: each to its like, unweighted."""
    delay: float
    """In the unit of the file."""


class _Step(NamedTuple):
    """What a node on a path does."""

    shape: tuple[int, ...]
    pairs: Pairs | None = None
    bias: NDArray[np.float64] | None = None
    delay: float = 0.0


def size_of(shape: tuple[int, ...]) -> int:
    """Number of elements."""
    return math.prod(shape)


def neuron_shape(graph: Graph, name: str, seen: tuple[str, ...] = ()) -> tuple[int, ...]:
    """Shape of a population: that of its parameters or, since simulators write one number for all neurons, of what is
    connected to it.
    """
    shape = np.shape(graph.nodes[name].values["v_threshold"])
    if size_of(shape) != 1:
        return shape
    found = [_shape_behind(graph, source, (*seen, name)) for source in graph.sources(name) if source not in seen]
    return max((other for other in found if other is not None), key=size_of, default=shape or (1,))


def _shape_behind(graph: Graph, name: str, seen: tuple[str, ...]) -> tuple[int, ...] | None:
    """Shape of what a node gives, None when it is found only in a loop."""
    node = graph.nodes[name]
    if name in seen:
        return None
    if node.type == "Input":
        return input_shape(graph, name)
    if node.type in NEURONS:
        return neuron_shape(graph, name, seen)
    if node.type in ("Linear", "Affine"):
        return _matrix(graph, name).shape[:1]
    for source in graph.sources(name):
        shape = _shape_behind(graph, source, (*seen, name))
        if shape is not None:
            return _step(graph, name, shape).shape
    return None


def input_shape(graph: Graph, name: str) -> tuple[int, ...]:
    """Shape of an Input or Output. Raises UserError when it is none."""
    shape = graph.numbers(name, "shape").ravel()
    if shape.size == 0 or (shape < 1).any() or (shape != np.floor(shape)).any():
        raise graph.refuse(name, f"shape: expected whole numbers from 1, found {shape.tolist()}")
    return tuple(int(length) for length in shape)


def paths_from(graph: Graph, name: str, shape: tuple[int, ...]) -> Iterator[Path]:
    """The paths from a population or input of this shape to the next populations and outputs.

    Raises UserError for shapes that do not fit, loops without neurons and too many synapses.
    """
    yield from _follow(graph, Path((name,), None, 0.0), shape)


def bias_paths(graph: Graph, name: str) -> Iterator[Path]:
    """The paths of a node's constant bias to the populations; the pairs have pre 0. None where it is 0 throughout."""
    if graph.nodes[name].values.get("bias") is None or not graph.numbers(name, "bias").any():
        return
    found = (_shape_behind(graph, source, (name,)) for source in graph.sources(name))
    shape = next((other for other in found if other is not None), None)
    if shape is None:
        raise graph.refuse(name, "no input and no population leads here")
    step = _step(graph, name, shape)
    assert step.bias is not None
    post = np.flatnonzero(step.bias)
    pairs = Pairs(np.zeros(post.size, np.int64), post, step.bias[post])
    yield from _follow(graph, Path((name,), pairs, 0.0), step.shape)


def _follow(graph: Graph, path: Path, shape: tuple[int, ...]) -> Iterator[Path]:
    for target in graph.targets(path.names[-1]):
        names = (*path.names, target)
        kind = graph.nodes[target].type
        if kind == "Input":
            raise graph.refuse(target, "an Input takes nothing in, but an edge leads to it")
        if kind in NEURONS or kind == "Output":
            expected = neuron_shape(graph, target) if kind in NEURONS else input_shape(graph, target)
            if size_of(expected) != size_of(shape):
                raise graph.refuse(
                    target, f"has {size_of(expected)} elements, {path.names[-1]!r} gives it {size_of(shape)}"
                )
            yield Path(names, path.pairs, path.delay)
        elif target in path.names:
            raise graph.refuse(target, "is in a loop without neurons, which has no meaning step by step")
        else:
            step = _step(graph, target, shape)
            pairs = _compose(graph, target, path.pairs, step.pairs)
            yield from _follow(graph, Path(names, pairs, path.delay + step.delay), step.shape)


def _compose(graph: Graph, name: str, first: Pairs | None, second: Pairs | None) -> Pairs | None:
    """The map of one after the other."""
    if first is None or second is None:
        return second if first is None else first
    order = np.argsort(second.pre, kind="stable")
    counts = np.bincount(second.pre, minlength=int(first.post.max(initial=-1)) + 1)
    repeats = counts[first.post]
    _check_pairs(graph, name, int(repeats.sum()))
    begins = np.cumsum(counts) - counts
    within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    entry = order[np.repeat(begins[first.post], repeats) + within]
    pre, post = np.repeat(first.pre, repeats), second.post[entry]
    return _merged(Pairs(pre, post, np.repeat(first.weight, repeats) * second.weight[entry]))


def _merged(pairs: Pairs) -> Pairs:
    """Each pair once, its weights added."""
    order = np.lexsort((pairs.post, pairs.pre))
    pre, post, weight = pairs.pre[order], pairs.post[order], pairs.weight[order]
    new = np.flatnonzero(np.concatenate([[True], (np.diff(pre) != 0) | (np.diff(post) != 0)])[: pre.size])
    return Pairs(pre[new], post[new], np.add.reduceat(weight, new) if new.size else weight)


def _check_pairs(graph: Graph, name: str, n: int) -> None:
    if n > MAX_PAIRS:
        raise graph.refuse(name, f"comes to {n} synapses, at most {MAX_PAIRS} can be worked out")


def _step(graph: Graph, name: str, shape: tuple[int, ...]) -> _Step:
    """What the node does to an input of this shape. Raises UserError when it does not fit."""
    kind = graph.nodes[name].type
    if kind in ("Linear", "Affine"):
        return _linear(graph, name, shape)
    if kind == "Scale":
        return _scale(graph, name, shape)
    if kind == "Delay":
        return _Step(shape, delay=graph.common(name, "delay"))
    if kind in ("Conv1d", "Conv2d"):
        return _convolution(graph, name, shape)
    if kind in ("SumPool2d", "AvgPool2d"):
        return _pooling(graph, name, shape)
    return _Step(shape)  # Flatten and identities: the order of elements stays


def _linear(graph: Graph, name: str, shape: tuple[int, ...]) -> _Step:
    weight = _matrix(graph, name)
    n_out, n_in = weight.shape
    if n_in != size_of(shape):
        raise graph.refuse(name, f"weight: expected {size_of(shape)} columns, one for each input, found {n_in}")
    _check_pairs(graph, name, weight.size)
    pre, post = np.indices((n_in, n_out), np.int64).reshape(2, -1)
    return _Step((n_out,), Pairs(pre, post, weight.T.ravel()), _bias(graph, name, n_out))


def _matrix(graph: Graph, name: str) -> NDArray[np.float64]:
    weight = graph.numbers(name, "weight")
    if weight.ndim != 2:
        raise graph.refuse(name, f"weight: expected a matrix (out, in), found {weight.ndim} dimensions")
    return weight


def _bias(graph: Graph, name: str, n: int) -> NDArray[np.float64] | None:
    """One for each output, or for each channel."""
    if graph.nodes[name].values.get("bias") is None:
        return None
    bias = graph.numbers(name, "bias").ravel()
    if bias.size != n:
        raise graph.refuse(name, f"bias: expected {n} values, found {bias.size}")
    return bias


def _scale(graph: Graph, name: str, shape: tuple[int, ...]) -> _Step:
    scale, n = graph.numbers(name, "scale").ravel(), size_of(shape)
    if scale.size not in (1, n):
        raise graph.refuse(name, f"scale: expected 1 or {n} values, found {scale.size}")
    same = np.arange(n, dtype=np.int64)
    return _Step(shape, Pairs(same, same, np.broadcast_to(scale, n).astype(np.float64)))


def _convolution(graph: Graph, name: str, shape: tuple[int, ...]) -> _Step:
    weight = graph.numbers(name, "weight")
    dimensions = weight.ndim - 2
    if dimensions != int(graph.nodes[name].type[4]):
        raise graph.refuse(name, f"weight: expected (out, in, ...kernel), found {weight.ndim} dimensions")
    groups = int(graph.common(name, "groups"))
    inner, size = _split(graph, name, shape, dimensions)
    n_out, n_in, *kernel = weight.shape
    if groups < 1 or n_in * groups != inner or n_out % groups:
        raise graph.refuse(name, f"weight: expected {inner} input channels in {groups} groups, found {n_in} in each")
    stride, dilation = _whole(graph, name, "stride", dimensions), _whole(graph, name, "dilation", dimensions)
    padding = _padding(graph, name, kernel, dilation)
    out_size, taps = _taps(graph, name, size, kernel, stride, dilation, padding)
    per_group = n_out // groups
    positions = size_of(size)
    pre, post, weights = [], [], []
    _check_pairs(graph, name, sum(at.size for _, at, _ in taps) * n_out * n_in)
    for out in range(n_out):
        for channel in range(n_in):
            source = (out // per_group * n_in + channel) * positions
            for tap, into, from_ in taps:
                pre.append(source + from_)
                post.append(out * size_of(out_size) + into)
                weights.append(np.full(into.size, weight[(out, channel, *tap)]))
    pairs = _joined(pre, post, weights)
    bias = _bias(graph, name, n_out)
    return _Step((n_out, *out_size), pairs, None if bias is None else np.repeat(bias, size_of(out_size)))


def _pooling(graph: Graph, name: str, shape: tuple[int, ...]) -> _Step:
    channels, size = _split(graph, name, shape, 2)
    kernel = _whole(graph, name, "kernel_size", 2)
    stride, padding = _whole(graph, name, "stride", 2), _whole(graph, name, "padding", 2, least=0)
    out_size, taps = _taps(graph, name, size, kernel, stride, [1, 1], [(p, p) for p in padding])
    weight = 1.0 if graph.nodes[name].type == "SumPool2d" else 1.0 / size_of(tuple(kernel))
    pre, post, weights = [], [], []
    for channel in range(channels):
        for _, into, from_ in taps:
            pre.append(channel * size_of(size) + from_)
            post.append(channel * size_of(out_size) + into)
            weights.append(np.full(into.size, weight))
    return _Step((channels, *out_size), _joined(pre, post, weights))


def _joined(pre: list[NDArray], post: list[NDArray], weights: list[NDArray]) -> Pairs:
    return _merged(Pairs(np.concatenate(pre), np.concatenate(post), np.concatenate(weights)))


def _split(graph: Graph, name: str, shape: tuple[int, ...], dimensions: int) -> tuple[int, tuple[int, ...]]:
    """Channels and extent of the input; a leading dimension of 1 is a batch that an exporter left."""
    if len(shape) == dimensions + 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) != dimensions + 1:
        raise graph.refuse(name, f"expected an input of channels and {dimensions} dimensions, found shape {shape}")
    return shape[0], shape[1:]


def _whole(graph: Graph, name: str, key: str, dimensions: int, least: int = 1) -> list[int]:
    values = graph.numbers(name, key).ravel()
    if values.size not in (1, dimensions) or (values < least).any() or (values != np.floor(values)).any():
        raise graph.refuse(name, f"{key}: expected whole numbers from {least}, found {values.tolist()}")
    return [int(value) for value in np.broadcast_to(values, dimensions)]


def _padding(graph: Graph, name: str, kernel: list[int], dilation: list[int]) -> list[tuple[int, int]]:
    """Elements of zeros before and after, for each dimension; "same" and "valid" as PyTorch has them."""
    padding = graph.nodes[name].values["padding"]
    if isinstance(padding, bytes):
        padding = padding.decode()
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise graph.refuse(name, f"padding: expected numbers, same or valid, found {padding!r}")
        extra = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
        return [(total // 2, total - total // 2) for total in extra]
    return [(p, p) for p in _whole(graph, name, "padding", len(kernel), least=0)]


def _taps(
    graph: Graph,
    name: str,
    size: tuple[int, ...],
    kernel: list[int] | tuple[int, ...],
    stride: list[int],
    dilation: list[int],
    padding: list[tuple[int, int]],
) -> tuple[tuple[int, ...], list[tuple[tuple[int, ...], NDArray[np.int64], NDArray[np.int64]]]]:
    """Extent of the output and, for each place of the kernel, which output elements take which input elements."""
    out_size = tuple(
        (n + sum(pad) - d * (k - 1) - 1) // s + 1
        for n, k, s, d, pad in zip(size, kernel, stride, dilation, padding, strict=True)
    )
    if min(out_size) < 1:
        raise graph.refuse(name, f"the kernel {tuple(kernel)} is larger than the input {size}")
    places = np.indices(out_size, np.int64).reshape(len(size), -1)
    taps = []
    for tap in np.ndindex(*kernel):
        steps = zip(places, tap, stride, dilation, padding, strict=True)
        at = [place * s + t * d - pad[0] for place, t, s, d, pad in steps]
        inside = np.flatnonzero(np.all([(a >= 0) & (a < n) for a, n in zip(at, size, strict=True)], axis=0))
        taps.append((tap, inside, np.ravel_multi_index([a[inside] for a in at], size).astype(np.int64)))
    return out_size, taps
