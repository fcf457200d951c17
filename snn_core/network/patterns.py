"""Connection patterns: who is connected to whom, with which factor on the weight and with which delay.

A pair has one synapse at most: ``bernoulli``, ``fixed_in_degree`` and ``fixed_out_degree`` are what NEST calls
pairwise_bernoulli, fixed_indegree and fixed_outdegree, without multapses; ``allow_self`` is its allow_autapses.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from snn_core.errors import UserError
from snn_core.files import StrictModel
from snn_core.network.array_files import check_lengths, finite, integers, read_arrays
from snn_core.network.compressed_rows import MAX_SYNAPSES, CompressedRows, begins, check_size, distinct_columns, reverse
from snn_core.network.receptive_fields import ReceptiveField

MAX_DELAY_STEPS = 255

_ALLOW_SELF = "for a recurrent connection: may a neuron have itself as target"


class AllToAll(StrictModel):
    """Every presynaptic neuron onto every postsynaptic one."""

    kind: Literal["all_to_all"] = "all_to_all"
    allow_self: bool = Field(default=True, description=_ALLOW_SELF)

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError when there are too many synapses."""
        check_size(n_pre * n_post, "kind all_to_all")

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """The synapses; nothing is drawn."""
        if same and not self.allow_self:
            others = np.tile(np.arange(n_pre - 1, dtype=np.int32), (n_pre, 1))
            others += others >= np.arange(n_pre)[:, None]
            return CompressedRows(begins(np.full(n_pre, n_pre - 1)), others.ravel())
        return CompressedRows(begins(np.full(n_pre, n_post)), np.tile(np.arange(n_post, dtype=np.int32), n_pre))


class OneToOne(StrictModel):
    """Neuron i onto neuron i."""

    kind: Literal["one_to_one"]

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError when the populations are not of one size."""
        if n_pre != n_post:
            raise ValueError(f"kind one_to_one needs populations of one size, found {n_pre} and {n_post} neurons")

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """The synapses; nothing is drawn."""
        return CompressedRows(begins(np.ones(n_pre, np.int64)), np.arange(n_post, dtype=np.int32))


class Bernoulli(StrictModel):
    """Each pair is connected with the same probability, independently of all others.

    A row's number of synapses is binomial. Given their number, each set of targets is equally likely. This is the same
    distribution at a cost of the synapses instead of the pairs.
    """

    kind: Literal["bernoulli"]
    probability: float = Field(ge=0, le=1)
    allow_self: bool = Field(default=True, description=_ALLOW_SELF)

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError, naming the key, when too many synapses are to be expected."""
        if n_pre * n_post * self.probability > MAX_SYNAPSES:
            raise ValueError(
                f"probability must be at most {MAX_SYNAPSES / (n_pre * n_post):.3g}, for {MAX_SYNAPSES} synapses of "
                f"{n_pre} x {n_post} pairs, found {self.probability}"
            )

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """Draw the synapses. Raises ValueError when there are too many."""
        skip_self = same and not self.allow_self
        row_begin = begins(rng.binomial(n_post - skip_self, self.probability, size=n_pre))
        return CompressedRows(row_begin, distinct_columns(row_begin, n_post, rng, skip_self))


class FixedInDegree(StrictModel):
    """Each postsynaptic neuron has ``degree`` distinct presynaptic ones, each set of them being equally likely."""

    kind: Literal["fixed_in_degree"]
    degree: int = Field(ge=0)
    allow_self: bool = Field(default=True, description=_ALLOW_SELF)

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError, naming the key, when there are fewer presynaptic neurons or too many synapses."""
        _check_degree(self.degree, "presynaptic", n_pre, same and not self.allow_self)
        check_size(self.degree * n_post, "degree")

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """Draw the synapses."""
        post_begin = begins(np.full(n_post, self.degree))
        pre = distinct_columns(post_begin, n_pre, rng, same and not self.allow_self)
        row_begin, post = reverse(post_begin, pre, n_pre)
        post //= max(self.degree, 1)
        return CompressedRows(row_begin, post)


class FixedOutDegree(StrictModel):
    """Each presynaptic neuron has ``degree`` distinct postsynaptic ones, each set of them being equally likely."""

    kind: Literal["fixed_out_degree"]
    degree: int = Field(ge=0)
    allow_self: bool = Field(default=True, description=_ALLOW_SELF)

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError, naming the key, when there are fewer postsynaptic neurons or too many synapses."""
        _check_degree(self.degree, "postsynaptic", n_post, same and not self.allow_self)
        check_size(self.degree * n_pre, "degree")

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """Draw the synapses."""
        row_begin = begins(np.full(n_pre, self.degree))
        return CompressedRows(row_begin, distinct_columns(row_begin, n_post, rng, same and not self.allow_self))


class Mask(StrictModel):
    """The pairs that are true in a matrix."""

    kind: Literal["mask"]
    rows: list[list[bool]] = Field(description="a row per presynaptic neuron")

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError, naming the key, when the matrix is not of n_pre rows of n_post."""
        if len(self.rows) != n_pre:
            raise ValueError(
                f"rows must have a row for each of the {n_pre} presynaptic neurons, found {len(self.rows)}"
            )
        for index, row in enumerate(self.rows):
            if len(row) != n_post:
                raise ValueError(
                    f"rows.{index} must have a value for each of the {n_post} postsynaptic neurons, found {len(row)}"
                )

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """The synapses; nothing is drawn."""
        mask = np.array(self.rows, bool).reshape(n_pre, n_post)
        return CompressedRows(begins(mask.sum(axis=1)), np.nonzero(mask)[1].astype(np.int32))


class Explicit(StrictModel):
    """The pairs of two lists or of a .npz file with arrays ``pre`` and ``post``, in any order, each pair at most once.

    The file may give the initial weight of each synapse (``weight_na``) and its delay (``delay_steps``, 1 to 255). Its
    path is relative to the working directory.
    """

    kind: Literal["explicit"]
    pre: list[int] | None = Field(default=None, description="presynaptic neuron of each synapse")
    post: list[int] | None = Field(default=None, description="postsynaptic neuron of each synapse")
    file: Path | None = Field(default=None, description=".npz with arrays pre, post, weight_na, delay_steps")

    @model_validator(mode="after")
    def _lists_or_file(self) -> "Explicit":
        if (self.pre is None) != (self.post is None) or (self.pre is None) == (self.file is None):
            raise ValueError("explicit must have either both pre and post, or file")
        if self.pre is not None and self.post is not None and len(self.pre) != len(self.post):
            raise ValueError(f"pre and post must be of equal length, found {len(self.pre)} and {len(self.post)}")
        return self

    def check(self, n_pre: int, n_post: int, same: bool = False) -> None:
        """Raises ValueError, naming key and file, when a neuron does not exist, a pair is given twice or the file
        cannot be used.
        """
        self._checked(n_pre, n_post)

    def connect(self, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
        """The synapses; nothing is drawn. Raises as ``check`` does: a file may have changed meanwhile."""
        pre, post, rest = self._checked(n_pre, n_post)
        order = np.lexsort((post, pre))
        sorted_rest = {key: array[order] for key, array in rest.items()}
        return CompressedRows(begins(np.bincount(pre, minlength=n_pre)), post[order].astype(np.int32), **sorted_rest)

    def _checked(self, n_pre: int, n_post: int) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, NDArray]]:
        """pre, post and what else the file gives."""
        origin = "" if self.file is None else f"{self.file}: "
        if self.file is None:
            pre, post, rest = _indices("pre", self.pre), _indices("post", self.post), {}
        else:
            pre, post, rest = _read_synapses(self.file)
        for key, array, n in (("pre", pre, n_pre), ("post", post, n_post)):
            wrong = np.flatnonzero((array < 0) | (array >= n))
            if wrong.size:
                first = wrong[0]
                raise UserError(f"{origin}{key}[{first}]: must be from 0 to {n - 1}, found {array[first]}")
        check_size(pre.size, f"{origin}pre")
        pairs = np.sort(pre * n_post + post)
        twice = np.flatnonzero(pairs[1:] == pairs[:-1])
        if twice.size:
            pair = divmod(int(pairs[twice[0]]), n_post)
            raise UserError(f"{origin}pre, post: the pair {pair[0]}, {pair[1]} is given twice; give each pair once")
        return pre, post, rest


Pattern = Annotated[
    AllToAll | OneToOne | Bernoulli | FixedInDegree | FixedOutDegree | ReceptiveField | Mask | Explicit,
    Field(discriminator="kind"),
]


def draw(pattern: Pattern, n_pre: int, n_post: int, rng: np.random.Generator, same: bool = False) -> CompressedRows:
    """The synapses of a pattern between n_pre and n_post neurons; same: pre and post are the same population.

    Raises ValueError, its message naming the key, when the pattern does not fit.
    """
    if same and n_pre != n_post:
        raise ValueError(f"one population has one size, found {n_pre} and {n_post}")
    pattern.check(n_pre, n_post, same)
    return pattern.connect(n_pre, n_post, rng, same)


def scale_range(pattern: Pattern) -> tuple[float, float]:
    """Bounds of the factors by which a pattern multiplies initial weights, before anything is drawn."""
    return pattern.profile.bounds() if isinstance(pattern, ReceptiveField) else (1.0, 1.0)


def delay_range(delay_ms: float | tuple[float, float] | None, dt_ms: float) -> tuple[int, int]:
    """Shortest and longest delay in steps of dt_ms, from one delay (ms), two that bound it or None, a step.

    Raises ValueError, naming delay_ms, when one is no multiple of dt_ms or not of 1 to 255 steps, or the first exceeds
    the second.
    """
    if delay_ms is None:
        return 1, 1
    low, high = delay_ms if isinstance(delay_ms, tuple | list) else (delay_ms, delay_ms)
    if low > high:
        raise ValueError(f"delay_ms must be [low, high] with low at most high, found {[low, high]}")
    return _steps(low, dt_ms), _steps(high, dt_ms)


def draw_delays(
    delay_ms: float | tuple[float, float] | None, n: int, dt_ms: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Delays of n synapses in steps of dt_ms, shape (n,): all the same, or uniform over the whole steps from the first
    to the second of two, both included. Arguments and errors as for ``delay_range``.
    """
    low, high = delay_range(delay_ms, dt_ms)
    if low == high:
        return np.full(n, low, np.uint8)
    return rng.integers(low, high, n, np.uint8, endpoint=True)


def _steps(delay_ms: float, dt_ms: float) -> int:
    steps = delay_ms / dt_ms
    if not 1 - 1e-6 < steps < MAX_DELAY_STEPS + 1e-6 or abs(steps - round(steps)) > 1e-6:
        raise ValueError(
            f"delay_ms must be 1 to {MAX_DELAY_STEPS} steps of dt_ms ({dt_ms:g}): a multiple of it from {dt_ms:g} to "
            f"{MAX_DELAY_STEPS * dt_ms:g} ms, found {delay_ms:g}"
        )
    return round(steps)


def _check_degree(degree: int, side: str, n: int, skip_self: bool) -> None:
    if degree > n - skip_self:
        others = " other" if skip_self else ""
        raise ValueError(f"degree must be at most the {n - skip_self}{others} {side} neurons, found {degree}")


def _indices(key: str, numbers: list[int] | None) -> NDArray[np.int64]:
    try:
        return np.array(numbers, np.int64)
    except OverflowError as error:
        raise ValueError(f"{key} must be numbers of neurons, found one beyond 64 bits") from error


def _read_synapses(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, NDArray]]:
    arrays = read_arrays(path, ("pre", "post"), ("weight_na", "delay_steps"))
    check_lengths(path, arrays)
    rest = {}
    if "weight_na" in arrays:
        rest["weight_na"] = finite(path, "weight_na", arrays["weight_na"])
    if "delay_steps" in arrays:
        steps = integers(path, "delay_steps", arrays["delay_steps"])
        wrong = np.flatnonzero((steps < 1) | (steps > MAX_DELAY_STEPS))
        if wrong.size:
            first = wrong[0]
            raise UserError(f"{path}: delay_steps[{first}]: must be from 1 to {MAX_DELAY_STEPS}, found {steps[first]}")
        rest["delay_steps"] = steps.astype(np.uint8)
    return integers(path, "pre", arrays["pre"]), integers(path, "post", arrays["post"]), rest
